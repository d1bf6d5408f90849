#!/usr/bin/env python3
"""The folder of data files: made once by runs that want the same, kept below --data-limit by taking
away what was used longest ago, and never what another run is using."""

import os
import signal
import subprocess
import time

import sandbox

RUN = ["-w", "sequential", "-e", "mmap", "-c", "warm", "--launches", "1", "-q"]


class Test:
    def __init__(self, box):
        self.box = box
        self.count = 0

    def start(self, *arguments):
        self.count += 1
        return subprocess.Popen(["mapmeter", "run", *arguments, "--out", f"out-{self.count}"],
                                cwd=self.box.folder, env=self.box.environment, text=True,
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    @staticmethod
    def end(process, code=0):
        said = process.communicate(timeout=100)[1]
        assert process.returncode == code, f"exit {process.returncode}, expected {code}: {said}"
        return said

    def run(self, *arguments, code=0):
        return self.end(self.start(*arguments), code)

    def files(self, folder="cache"):
        path = os.path.join(self.box.folder, folder)
        names = os.listdir(path) if os.path.isdir(path) else []
        return sorted(name for name in names if name != ".mapmeter-locks")

    @staticmethod
    def name(mebibytes, use="read"):
        return f"mapmeter-u8-{mebibytes << 17}-seed1-{use}.dat"

    def wait_for(self, name, folder):
        deadline = time.monotonic() + 60
        while name not in self.files(folder):
            assert time.monotonic() < deadline, f"{name} was not made"
            time.sleep(0.01)

    def test_what_was_used_longest_ago_goes(self):
        for size in ("1MiB", "2MiB", "3MiB"):
            self.run(*RUN, "--size", size)
        self.run(*RUN, "--size", "1MiB")  # used again
        assert self.files() == sorted(map(self.name, (1, 2, 3)))
        self.box.write("cache/notes.txt", b"x" * 100)
        self.run(*RUN, "--size", "4MiB", "--data-limit", "8MiB")
        assert self.files() == sorted([self.name(1), self.name(3), self.name(4), "notes.txt"])
        self.run(*RUN, "--size", "4MiB", "--data-limit", "4MiB")
        assert self.name(3) in self.files(), "a run that makes nothing takes something away"

    def test_what_cannot_fit_is_refused_before_anything_is_made(self):
        before = self.files()
        said = self.run(*RUN, "--size", "8MiB", "--data-limit", "7MiB", code=2)
        assert "need 8.00 MiB" in said and "--data-limit" in said, said
        assert self.files() == before
        assert not os.path.exists(os.path.join(self.box.folder, f"out-{self.count}"))
        said = self.run(*RUN, "--size", "1MiB", "--data-limit", "much", code=2)
        assert "--data-limit much" in said, said

    def test_runs_at_once_make_a_file_once(self):
        folder = ["--data-dir", "shared"]
        runs = [self.start(*RUN, "--size", "16MiB", *folder) for _ in range(3)]
        path = os.path.join(self.box.folder, "shared", self.name(16))
        self.wait_for(self.name(16), "shared")
        made = os.stat(path)
        for process in runs:
            self.end(process)
        after = os.stat(path)
        assert (after.st_ino, after.st_mtime_ns) == (made.st_ino, made.st_mtime_ns), "made twice"
        assert self.files("shared") == [self.name(16)]

    def test_a_file_in_use_stays(self):
        """A long run is stopped in the middle of its work, so that it is at work for sure."""
        folder = ["--data-dir", "used"]
        longer = self.start("-w", "sequential", "-e", "mmap", "-c", "warm", "--launches", "1000",
                            "-p", "operation=read,write", "--size", "4MiB", "-q", *folder)
        try:
            self.wait_for(self.name(4, "write"), "used")
            self.wait_for(self.name(4), "used")
            results = os.path.join(self.box.folder, f"out-{self.count}", "results.json")
            while not os.path.exists(results):  # saved when all files are made and held
                assert longer.poll() is None, longer.communicate()
                time.sleep(0.01)
            longer.send_signal(signal.SIGSTOP)
            said = self.run(*RUN, "--size", "2MiB", "--data-limit", "9MiB", *folder, code=4)
            assert "in use" in said, said
            said = self.run(*RUN, "--size", "4MiB", "-p", "operation=write", *folder, code=4)
            assert "another run is using it" in said, said
            self.run(*RUN, "--size", "4MiB", *folder)  # readers share
            assert self.files("used") == sorted([self.name(4), self.name(4, "write")])
        finally:
            longer.send_signal(signal.SIGCONT)
            longer.terminate()
            longer.communicate(timeout=100)
        self.run(*RUN, "--size", "2MiB", "--data-limit", "2MiB", *folder)
        assert self.files("used") == [self.name(2)]


def main():
    with sandbox.Sandbox() as box:
        test = Test(box)
        for name in [name for name in dir(test) if name.startswith("test_")]:
            getattr(test, name)()
            print(f"passed: {name}")


if __name__ == "__main__":
    main()
