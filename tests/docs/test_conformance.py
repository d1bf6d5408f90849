"""Every test that docs/conformance.md names exists, and every behaviour is there once."""
import os
import re
import sys

SOURCE = os.environ["MAPMETER_SOURCE_DIR"]


def existing_tests():
    names = set()
    for folder in ("tests/mapping", "tests/interop"):
        for file_name in os.listdir(os.path.join(SOURCE, folder)):
            if file_name.endswith((".c", ".py")):
                with open(os.path.join(SOURCE, folder, file_name), encoding="utf-8") as file:
                    names |= set(re.findall(r"^(?:static void| +def) (\w+)\((?:void \*\*state|self)\)",
                                            file.read(), re.MULTILINE))
    return names


def main():
    with open(os.path.join(SOURCE, "docs/conformance.md"), encoding="utf-8") as file:
        page = file.read()
    numbers = [int(number) for number in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)]
    # A name of many words: `bytes.find` and the like are none.
    named = set(re.findall(r"`(\w+(?:_\w+){3,})`", page))
    missing = sorted(named - existing_tests())
    print(f"{len(numbers)} behaviours, {len(named)} tests named")
    for name in missing:
        print(f"docs/conformance.md names the test {name}, which does not exist")
    if numbers != list(range(1, 27)):
        print(f"the behaviours are not 1 to 26: {numbers}")
        return 1
    return 1 if missing or not named else 0


if __name__ == "__main__":
    sys.exit(main())
