#!/usr/bin/env python3
"""mapmeter run --command: time, faults and storage traffic of programs of which they are known."""

import json
import os
import subprocess

import sandbox

SIZE = 8 << 20
PAGES = """
import mmap, sys
size = int(sys.argv[1]) * mmap.PAGESIZE
pages = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
pages.madvise(mmap.MADV_NOHUGEPAGE)
for place in range(0, size, mmap.PAGESIZE):
    pages[place] = 1
"""


class Test:
    def __init__(self, box):
        self.box = box
        self.runs = 0

    def run(self, *arguments, code=0):
        self.runs += 1
        out = os.path.join(self.box.folder, f"out{self.runs}")
        done = subprocess.run(["mapmeter", "run", "-q", "--out", out, *arguments],
                              cwd=self.box.folder, env=self.box.environment, capture_output=True,
                              text=True, check=False)
        assert done.returncode == code, f"{arguments}: exit {done.returncode}: {done.stderr}"
        if code == 2:
            assert not os.path.exists(out)
            return done.stderr
        with open(os.path.join(out, "results.json"), encoding="utf-8") as stream:
            return json.load(stream)

    def samples(self, record, cache):
        cases = {case["id"] for case in record["cases"] if case["cache"] == cache}
        found = [sample for launch in record["launches"] if launch["case"] in cases
                 for sample in launch["samples"]]
        assert found, f"no sample of {cache}"
        return found

    def test_a_cold_file_comes_from_the_device_and_a_warm_one_does_not(self):
        for name in ("one.bin", "two.bin"):
            self.box.write(name, os.urandom(SIZE))
        subprocess.run(["sync", "-f", self.box.folder], check=True)
        record = self.run("--file", "one.bin", "--file", "two.bin", "--launches", "2", "--",
                          "cat", "one.bin", "two.bin")
        assert [case["workload"] for case in record["cases"]] == ["command"] * 2
        assert [file["size_bytes"] for file in record["files"]] == [SIZE] * 2
        assert [case["parameters"] for case in record["cases"]] == [
            {"command": "cat one.bin two.bin"}] * 2
        for sample in self.samples(record, "warm"):
            assert sample["cache"]["resident_share_before"] >= 0.99
            read = sample["device"]["read_bytes"]
            assert isinstance(read, dict) or read < 0.01 * SIZE, read
        for sample in self.samples(record, "cold"):
            if sample["cache"]["method"] == "none":
                continue
            assert sample["cache"]["resident_share_before"] <= 0.01
            assert sample["cache"]["resident_share_after"] >= 0.99
            read = sample["device"]["read_bytes"]
            # cat itself may have to be read as well.
            assert isinstance(read, dict) or 2 * SIZE <= read < 2.2 * SIZE, read

    def test_faults_are_those_of_the_program(self):
        self.box.write("pages.py", PAGES.encode())
        counts = []
        for pages in (1000, 3000):
            record = self.run("--launches", "1", "--command", f"/usr/bin/python3 pages.py {pages}")
            counters = self.samples(record, "as-found")[0]["phases"]["touch"]["counters"]
            counts.append((counters["minor_faults"], counters["rusage_minor_faults"]))
        for one, three in zip(*counts):
            assert abs(three - one - 2000) <= 40, (one, three)

    def test_time_is_that_of_the_process(self):
        record = self.run("--launches", "2", "--command", "sleep 0.3")
        for sample in self.samples(record, "as-found"):
            assert sample["elapsed_ns"] >= 300_000_000
            assert sample["phases"]["touch"]["elapsed_ns"] == sample["elapsed_ns"]
            assert sample["cpu_ns"] < sample["elapsed_ns"]
            assert sample["cache"]["method"] == "none"
            assert "unavailable" in sample["bytes"]
        assert record["files"] == [] and record["cases"][0]["file"] is None

    def test_a_child_of_the_command_counts_too(self):
        self.box.write("burn.py", b"sum(range(3000000))\n")
        record = self.run("--launches", "1", "--", "sh", "-c", "/usr/bin/python3 burn.py; true")
        assert self.samples(record, "as-found")[0]["cpu_ns"] >= 10_000_000

    def test_a_command_that_fails_is_a_failed_launch(self):
        for words, kind, part, signal in (
                (["sh", "-c", "echo oops >&2; exit 3"], "exited", "code 3; its last words: oops", None),
                (["sh", "-c", "kill -11 $$"], "killed", "signal 11", 11),
                (["no-such-program"], "exited", "No such file", None)):
            record = self.run("--launches", "1", "--", *words, code=4)
            failure = record["launches"][0]["failure"]
            assert failure["kind"] == kind and part in failure["reason"], failure
            assert failure.get("signal") == signal, failure

    def test_much_that_is_printed_does_no_harm(self):
        self.run("--launches", "1", "--", "/usr/bin/python3", "-c", "print('x' * 1000000)")

    def test_what_makes_no_sense_is_refused(self):
        for arguments, part in (
                (["quick", "--command", "true"], "a suite"),
                (["--command", "true", "-e", "mmap"], "--engine"),
                (["--command", "true", "-c", "cold"], "--file"),
                (["--command", "true", "--file", "missing"], "missing"),
                (["--command", "true", "--file", "empty.bin"], "empty"),
                (["--command", "true", "--file", "raw.bin", "--file", "./raw.bin"], "twice"),
                (["--command", "echo 'a"], "not closed"),
                (["--command", "true", "--", "true"], "after --"),
                (["--"], "no command"),
                (["-w", "sequential", "--file", "raw.bin", "--file", "data.npy"], "twice"),
                (["-w", "command"], "unknown workload 'command'")):
            said = self.run(*arguments, code=2)
            assert part in said and len(said.splitlines()) == 1, said

    def test_an_interrupted_one_is_resumed(self):
        self.run("--launches", "3", "--file", "raw.bin", "--", "cat", "raw.bin")
        folder = os.path.join(self.box.folder, f"out{self.runs}")
        path = os.path.join(folder, "results.json")
        with open(path, encoding="utf-8") as stream:
            record = json.load(stream)
        record["launches"] = record["launches"][:2]
        with open(path, "w", encoding="utf-8") as stream:
            json.dump(record, stream)
        subprocess.run(["mapmeter", "run", "--resume", folder, "-q"], check=True,
                       cwd=self.box.folder, env=self.box.environment)
        with open(path, encoding="utf-8") as stream:
            assert len(json.load(stream)["launches"]) == 6


with sandbox.Sandbox() as sandboxed:
    test = Test(sandboxed)
    names = [name for name in dir(test) if name.startswith("test_")]
    for name in names:
        getattr(test, name)()
    print(f"{len(names)} tests")
