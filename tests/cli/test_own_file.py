#!/usr/bin/env python3
"""mapmeter run --file on arrays that numpy wrote: numpy confirms the checksums, and the files are
the same to the byte afterwards."""

import hashlib
import json
import subprocess
import sys

import sandbox

try:
    import numpy
except ImportError:
    print("skipped: python3-numpy is not installed")
    sys.exit(77)


def digest(path):
    with open(path, "rb") as stream:
        return hashlib.sha256(stream.read()).hexdigest()


def checksums(box, out, *arguments):
    """The checksums of all samples of all launches, as numbers."""
    done = subprocess.run(
        ["mapmeter", "run", "--launches", "2", "--json", "--out", out, *arguments],
        cwd=box.folder, env=box.environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{arguments}: exit {done.returncode}: {done.stderr}"
    record = json.loads(done.stdout)
    found = []
    for launch in record["launches"]:
        assert launch["status"] == "ok", launch["failure"]
        for sample in launch["samples"]:
            assert sample["checksum"] == sample["expected_checksum"]
            found.append(int(sample["checksum"], 16))
    assert len(found) >= 4
    return found


def sum_of_words(array, width):
    words = array.ravel(order="K").view(f"<u{width}")
    return int(words.sum(dtype="u8"))


def check(box, name, array, width, *arguments):
    path = f"{box.folder}/{name}"
    if name.endswith(".npy"):
        numpy.save(path, array)
    else:
        array.tofile(path)
    before = digest(path)
    engines = ["--engine", "marray", "--engine", "pread"]
    found = checksums(box, f"out-{name}", "--file", name, "--workload", "sequential", *engines,
                      *arguments)
    expected = sum_of_words(array, width)
    assert set(found) == {expected}, f"{name}: {set(found)}, numpy says {expected}"
    assert digest(path) == before, f"{name} was changed"


def main():
    random = numpy.random.default_rng(1)
    with sandbox.Sandbox() as box:
        check(box, "large_array.npy", random.standard_normal(1_000_000), 8)
        check(box, "shorts.npy", random.integers(-9999, 9999, (300, 7), dtype="<i2"), 2)
        check(box, "fortran.npy", numpy.asfortranarray(random.random((50, 60), dtype="f4")), 4)
        check(box, "raw.dat", random.integers(0, 256, 12345, dtype="u1"), 1)
        check(box, "raw-floats.dat", random.random(4096), 8, "--dtype", "<f8")
    print("5 files agree with numpy")


if __name__ == "__main__":
    main()
