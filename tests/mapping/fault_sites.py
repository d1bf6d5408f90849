"""Every place where libmarray calls the system or allocates is made to fail by test_mapping_failures.

fault_sites.py PROGRAM LIBRARY: the program with the wrapped calls, and the static library whose
functions count. The places are read from the machine code; the program tells which of them failed.
"""
import os
import re
import subprocess
import sys
import tempfile

CANNOT_FAIL = ("geteuid",)


def run(*command, **keywords):
    return subprocess.run(command, check=True, capture_output=True, text=True, **keywords).stdout


def functions_of(library):
    """Names of all functions in it; parts that the compiler split off count with them."""
    return {line.split()[-1] for line in run("nm", "--defined-only", library).splitlines()
            if re.match(r"^[0-9a-f]+ [tT] ", line)}


def places_in(program, functions):
    """{offset of what follows the call: (call, function)}, and how many jumps stand for calls."""
    start = next(int(line.split()[0], 16) for line in run("nm", program).splitlines()
                 if line.endswith(" __executable_start"))
    places, jumps = {}, 0
    function, pending = None, None
    for line in run("objdump", "-d", "--no-show-raw-insn", program).splitlines():
        head = re.match(r"^[0-9a-f]+ <(.+)>:$", line)
        if head:
            function, pending = head.group(1), None
            continue
        instruction = re.match(r"^\s+([0-9a-f]+):\s+(\S+)(.*)$", line)
        if not instruction or function not in functions:
            continue
        address = int(instruction.group(1), 16)
        if pending:
            places[address - start] = (pending, function)
        wrapped = re.search(r"<__wrap_(\w+)>", instruction.group(3))
        pending = wrapped.group(1) if wrapped and instruction.group(2).startswith("call") else None
        jumps += bool(wrapped) and instruction.group(2).startswith("jmp")
    return places, jumps


def failed_places(program):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "sites")
        run(program, env=dict(os.environ, MARRAY_FAULT_SITES=path))
        with open(path, encoding="ascii") as file:
            lines = [line.split() for line in file]
    return {int(offset, 16) for _, offset, failed in lines if failed == "1"}


def main():
    program, library = sys.argv[1:]
    places, jumps = places_in(program, functions_of(library))
    failed = failed_places(program)
    missing = {place: what for place, what in places.items()
               if place not in failed and what[0] not in CANNOT_FAIL}
    calls = {call for call, _ in places.values()}
    print(f"{len(places)} places call {len(calls)} functions of the system; "
          f"{len(places) - len(missing)} of them were made to fail")
    if jumps:
        print(f"{jumps} more end their function by a jump, and are not told apart in this build")
    for call, function in sorted(missing.values()):
        print(f"never failed: {call} in {function}")
    return 1 if missing or not places else 0


if __name__ == "__main__":
    sys.exit(main())
