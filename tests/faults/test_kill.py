"""A run killed at random moments leaves a valid record or none, which --resume completes, and
nothing that the next run does not take away."""
import argparse
import json
import os
import random
import re
import shutil
import signal
import subprocess
import tempfile
import time
import uuid

RUN = ["-w", "sequential,random", "-e", "mmap,pread", "-c", "cold,warm", "--size", "256KiB", "-p",
       "operations=100", "--launches", "6", "-q"]
LAUNCHES = 2 * 2 * 2 * 6
TEMPORARY = re.compile(r"\.tmp$|\.partial$|^\.latest-")


class Killer:
    def __init__(self, program, folder):
        self.program = program
        self.folder = folder
        self.data = os.path.join(folder, "data")
        self.results = os.path.join(folder, "mapmeter-results")
        name, value = "MAPMETER_TEST_MARK", uuid.uuid4().hex
        self.mark = f"{name}={value}".encode()
        self.environment = dict(os.environ, **{name: value})
        self.records = 0
        self.completed = 0

    def start(self, *arguments):
        return subprocess.Popen([self.program, "run", *arguments, "--data-dir", self.data],
                                cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def run(self, *arguments):
        process = self.start(*arguments)
        said = process.communicate(timeout=100)[1].decode()
        assert process.returncode == 0, f"{arguments}: exit {process.returncode}: {said}"

    def alive(self):
        found = []
        for entry in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{entry}/environ", "rb") as stream:
                    if self.mark in stream.read().split(b"\0"):
                        found.append(int(entry))
            except OSError:
                continue
        return found

    def wait_until_all_are_gone(self):
        deadline = time.monotonic() + 20
        while self.alive():
            assert time.monotonic() < deadline, f"processes {self.alive()} outlived the kill"
            time.sleep(0.02)

    def temporaries(self):
        return [os.path.join(parent, name) for parent, folders, files in os.walk(self.folder)
                for name in folders + files if TEMPORARY.search(name)]

    def kill_after(self, delay):
        """Kills a run, and gives the folder that it made, or None."""
        before = set(os.listdir(self.results)) if os.path.isdir(self.results) else set()
        process = self.start(*RUN)
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=100)
        self.wait_until_all_are_gone()
        after = set(os.listdir(self.results)) if os.path.isdir(self.results) else set()
        made = [name for name in after - before if not name.startswith((".", "latest"))]
        assert len(made) <= 1, made
        return os.path.join(self.results, made[0]) if made else None

    def check(self, folder):
        path = os.path.join(folder, "results.json")
        if not os.path.exists(path):
            return
        self.records += 1
        with open(path, encoding="utf-8") as stream:
            found = json.load(stream)["launches"]
        # Loading checks every member of it.
        self.run("--resume", folder, "-q")
        with open(path, encoding="utf-8") as stream:
            record = json.load(stream)
        assert len(record["launches"]) == LAUNCHES, len(record["launches"])
        assert record["launches"][:len(found)] == found
        assert all(launch["status"] == "ok" for launch in record["launches"])
        self.completed += record["run"]["resumed"]

    def check_rest(self):
        self.run("-w", "sequential", "-e", "mmap", "-c", "warm", "--size", "64KiB", "--launches",
                 "1", "-q")
        assert self.temporaries() == [], self.temporaries()
        for name in os.listdir(self.data):
            assert name.endswith(".dat"), name


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--kills", type=int, default=8)
    arguments = parser.parse_args()
    moments = random.Random(20261122)
    folder = tempfile.mkdtemp(prefix="mapmeter-kill-", dir=os.environ.get("TMPDIR", "/var/tmp"))
    killer = Killer(arguments.program, folder)
    try:
        started = time.monotonic()
        killer.run(*RUN)
        whole_run = time.monotonic() - started
        for kill in range(arguments.kills):
            if kill % 4 == 0:
                shutil.rmtree(killer.data)  # so that some die while they make the data
            made = killer.kill_after(moments.uniform(0, whole_run))
            if made:
                killer.check(made)
            killer.check_rest()
        assert killer.records, "no kill came after the first save: the moments test nothing"
        print(f"{arguments.kills} kills, {killer.records} records, "
              f"{killer.completed} of them completed")
    finally:
        for pid in killer.alive():
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(folder)


main()
