"""A small suite on another file system, made for the test: all engines, cold and warm, with checksums.

Usage: test_filesystems.py MAPMETER tmpfs|ext4|xfs|btrfs
"""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "durability"))
import sandbox  # noqa: E402  (the folder of namespaces is shared with the tests of durability)

MIB = 1 << 20
SIZE = 8 * MIB
IMAGE_BYTES = 384 * MIB  # xfs wants 300 MiB
MAKE = {
    "ext4": ["mkfs.ext4", "-q", "-F"],
    "xfs": ["mkfs.xfs", "-q"],
    "btrfs": ["mkfs.btrfs", "-q"],
}
ENGINES = ["marray", "mmap", "pread", "uring", "direct"]


class Test:
    def __init__(self, program, kind, folder):
        self.program = program
        self.kind = kind
        self.folder = folder
        self.mount = os.path.join(folder, "mnt")
        self.runs = 0

    def make_filesystem(self):
        os.mkdir(self.mount)
        if self.kind == "tmpfs":
            sandbox.run("mount", "-t", "tmpfs", "-o", "size=64m", "none", self.mount)
            return
        image = os.path.join(self.folder, "image")
        with open(image, "wb") as stream:
            stream.truncate(IMAGE_BYTES)
        sandbox.run(*MAKE[self.kind], image)
        done = subprocess.run(["mount", "-o", "loop", "-t", self.kind, image, self.mount],
                              check=False, capture_output=True, text=True)
        if done.returncode:
            sandbox.skip(f"no {self.kind} can be mounted here: {done.stderr.strip()}")

    def run(self, *arguments, code=0):
        """The record of a run, or what it said when another code was expected."""
        self.runs += 1
        out = os.path.join(self.folder, f"out-{self.runs}")
        command = [self.program, "run", *arguments, "--dir", os.path.join(self.mount, "data"),
                   "--out", out, "-q"]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert done.returncode == code, f"{arguments}: exit {done.returncode}: {done.stderr}"
        if code:
            return done.stderr
        with open(os.path.join(out, "results.json"), encoding="utf-8") as stream:
            return json.load(stream)

    def cases(self, record):
        """(case, its samples) of every case; all launches were good."""
        for launch in record["launches"]:
            assert launch["status"] == "ok", f"{launch['case']}: {launch['failure']}"
        return [(case, [sample for launch in record["launches"] if launch["case"] == case["id"]
                        for sample in launch["samples"]]) for case in record["cases"]]

    def is_skipped(self, case):
        """Whether there is no such state here, and that the record says why."""
        memory = self.kind == "tmpfs" and case["cache"] != "warm"
        around = case["engine"] == "direct" and case["cache"] != "cold"
        if memory or around:
            assert case["skipped"], f"{case['name']} was not skipped"
            assert ("goes around" if around else "tmpfs") in case["skipped"], case["skipped"]
        else:
            assert case["skipped"] is None, f"{case['name']}: {case['skipped']}"
        return memory or around

    def check_file(self, record):
        for file in record["files"]:
            assert file["filesystem"] == self.kind, file
            allocated = os.stat(file["path"]).st_blocks * 512
            assert allocated >= file["size_bytes"], f"{file['path']}: {allocated} bytes allocated"
            if self.kind == "tmpfs":
                assert "unavailable" in file["extents"], file
            else:
                assert file["extents"] >= 1 and file["extents_unwritten"] == 0, file

    def check_reads(self):
        record = self.run("-w", "sequential,random", "-e", ",".join(ENGINES), "-c", "cold,warm",
                          "--size", "8MiB", "--launches", "2")
        measured = 0
        for case, samples in self.cases(record):
            if self.is_skipped(case):
                continue
            measured += 1
            for sample in samples:
                assert sample["checksum"] == sample["expected_checksum"], case["name"]
                cache = sample["cache"]
                if case["cache"] == "cold":
                    assert cache["resident_share_before"] <= 0.01, (case["name"], cache)
                else:
                    assert cache["resident_share_before"] >= 0.99, (case["name"], cache)
                if case["cache"] == "cold" and case["workload"] == "sequential":
                    read = sample["device"]["read_bytes"]
                    assert read >= 0.99 * SIZE, f"{case['name']}: only {read} bytes were read"
        assert measured == (8 if self.kind == "tmpfs" else 18), f"{measured} cases were measured"
        self.check_file(record)

    def check_writes(self):
        record = self.run("-w", "sequential", "-p", "operation=write", "-e", ",".join(ENGINES), "-c",
                          "cold,warm,dirty", "--size", "8MiB", "--launches", "2")
        measured = sum(not self.is_skipped(case) for case, _ in self.cases(record))
        assert measured == (4 if self.kind == "tmpfs" else 13), f"{measured} cases were measured"
        self.check_file(record)

    def check_refusals(self):
        before = sorted(os.listdir(os.path.join(self.mount, "data")))
        said = self.run("-w", "sequential", "-e", "mmap", "-c", "warm", "--size", "1GiB", code=4)
        assert "need 1.00 GiB" in said and "has room for" in said, said
        assert sorted(os.listdir(os.path.join(self.mount, "data"))) == before
        said = self.run("-w", "sequential", "-e", "mmap", "-c", "warm", "--size",
                        f"{3 * SIZE}B", "--data-limit", f"{2 * SIZE}B", code=2)
        assert "--data-limit" in said, said

    def check_limit(self):
        """Something has to go where all three do not fit."""
        limit = f"{3 * SIZE}B"
        self.run("-w", "sequential", "-e", "pread", "-c", "warm", "--size", "9MiB", "--launches",
                 "1", "--data-limit", limit)
        left = [name for name in os.listdir(os.path.join(self.mount, "data"))
                if name != ".mapmeter-locks"]
        total = sum(os.stat(os.path.join(self.mount, "data", name)).st_size for name in left)
        assert total <= 3 * SIZE and len(left) == 2, left


def main():
    program, kind = sys.argv[1:3]
    on_disk = kind in MAKE
    folder = sandbox.enter(tools=[MAKE[kind][0]] if on_disk else [],
                           devices=["/dev/loop-control"] if on_disk else [])
    try:
        test = Test(os.path.abspath(program), kind, folder)
        test.make_filesystem()
        test.check_reads()
        test.check_writes()
        test.check_refusals()
        test.check_limit()
        print(f"{kind}: passed")
    finally:
        subprocess.run(["umount", os.path.join(folder, "mnt")], check=False,
                       stderr=subprocess.DEVNULL)
        sandbox.leave(folder)


main()
