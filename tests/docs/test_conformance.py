"""Every test that docs/conformance.md names exists, and every behaviour is there once."""
import os
import re
import sys

SOURCE = os.environ["MAPMETER_SOURCE_DIR"]


def read(*parts):
    with open(os.path.join(SOURCE, *parts), encoding="utf-8") as file:
        return file.read()


def functions_that_are_tests():
    names = set()
    for folder in ("tests/mapping", "tests/interop"):
        for file_name in os.listdir(os.path.join(SOURCE, folder)):
            if file_name.endswith((".c", ".py")):
                names |= set(re.findall(
                    r"^(?:static (?:void|int) |    def )(\w+)\((?:void \*\*state|self|struct scratch \*)",
                    read(folder, file_name), re.MULTILINE))
    return names


def is_a_ctest(name):
    """Names with a variable of CMake stand for all that it can be."""
    for folder in ("mapping", "durability"):
        for pattern in re.findall(r"mm_script_test\(([\w${}]+)", read("tests", folder, "CMakeLists.txt")):
            if re.fullmatch(re.sub(r"\\\$\\\{\w+\\\}", r"\\w+", re.escape(pattern)), name):
                return True
    return False


def main():
    page = read("docs/conformance.md")
    numbers = [int(number) for number in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)]
    # A name of many words: `bytes.find` and the like are none.
    named = set(re.findall(r"`(\w+(?:_\w+){2,})`", page))
    missing = sorted(name for name in named - functions_that_are_tests() if not is_a_ctest(name))
    print(f"{len(numbers)} behaviours, {len(named)} tests named")
    for name in missing:
        print(f"docs/conformance.md names the test {name}, which does not exist")
    if numbers != list(range(1, 27)):
        print(f"the behaviours are not 1 to 26: {numbers}")
        return 1
    return 1 if missing or not named else 0


if __name__ == "__main__":
    sys.exit(main())
