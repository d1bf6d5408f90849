"""Does what README.md tells a reader to do with libmarray and with a file of one's own."""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import page  # noqa: E402

README = os.path.join(os.environ["MAPMETER_SOURCE_DIR"], "README.md")


def make_clone(work, arguments):
    """A folder in which the commands of the page work as in a clone that has been built."""
    source, build = os.environ["MAPMETER_SOURCE_DIR"], os.environ["MAPMETER_BUILD_DIR"]
    os.makedirs(os.path.join(work, "build"))
    os.symlink(build, os.path.join(work, "build/release"))
    os.symlink(os.path.join(source, "mapping"), os.path.join(work, "mapping"))
    programs = os.path.join(work, "bin")
    os.makedirs(programs)
    compiler = shutil.which(arguments.compiler)  # an absolute name: cc below must not call itself
    sanitize = f"-fsanitize={arguments.sanitize}" if arguments.sanitize else ""
    for name, command in (("cc", f"{compiler} -Wall -Wextra -Werror {sanitize}"),
                          ("python3", "/usr/bin/python3")):
        path = os.path.join(programs, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(f'#!/bin/sh\nexec {command} "$@"\n')
        os.chmod(path, 0o755)
    return dict(os.environ, PATH=f"{programs}:{os.environ['PATH']}",
                MAPMETER_DATA_DIR=os.path.join(work, "data"))


def shell(command, work, environment):
    result = subprocess.run(["/bin/sh", "-c", command], cwd=work, env=environment, text=True,
                            capture_output=True, check=False)
    if result.returncode != 0:
        print(result.stdout, result.stderr)
        raise SystemExit(f"{command}\nended with {result.returncode}")
    return result.stdout


def console_with(word):
    """The console block in which word occurs."""
    found = [block for block in page.blocks(README)
             if block["language"] == "console" and word in block["text"]]
    assert len(found) == 1, f"want one console block with {word}, found {len(found)}"
    return found[0]


def check_example(work, environment):
    with open(os.path.join(work, "example.c"), "w", encoding="utf-8") as file:
        file.write(page.block_of_file(README, "example.c"))
    block = console_with("example.c")
    printed = "".join(shell(command, work, environment) for command in page.commands(block))
    shown = "".join(line + "\n" for line in block["text"].replace("\\\n", " ").splitlines()
                    if not line.startswith("$ "))
    assert printed == shown, f"the page shows\n{shown}but the example prints\n{printed}"


def check_own_file(work, environment):
    """The checksum that the program gives for a file of one's own is the one numpy gives."""
    import numpy
    output = ""
    for command in page.commands(console_with("large_array.npy")):
        output = shell(command, work, environment)
    record = json.loads(output)
    array = numpy.load(os.path.join(work, "large_array.npy"), mmap_mode="r")
    expected = int(array.view("<u8").sum(dtype="u8"))
    engines = set()
    cases = {case["id"]: case for case in record["cases"]}
    for launch in record["launches"]:
        assert launch["status"] == "ok", launch["failure"]
        engines.add(cases[launch["case"]]["engine"])
        for sample in launch["samples"]:
            found = int(sample["checksum"], 16)
            assert found == expected * sample["iterations"] % 2**64, (found, expected)
    assert engines == {"marray", "pread"}, engines


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--compiler", default="cc")
    parser.add_argument("--sanitize", default="")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mapmeter-readme-",
                                     dir=os.environ.get("TMPDIR", "/var/tmp")) as work:
        environment = make_clone(work, arguments)
        check_example(work, environment)
        check_own_file(work, environment)
    print("the example and the run on one's own file do what the README says")


main()
