"""A run that gets a signal at random moments leaves a valid record or none, which --resume completes.
By SIGINT or SIGTERM it leaves nothing else, by SIGKILL nothing that the next run does not take away."""
import argparse
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../support"))
from traces import control_groups, processes  # noqa: E402

SUITE = """\
name: killed
defaults:
  size: 256KiB
cases:
  - workload: sequential
    engine: [mmap, pread]
  - workload: random
    engine: [mmap, pread]
    parameters: {operations: 100}
  - workload: sequential
    engine: mmap
    cache: pressure
    size: 64MiB
    memory: 50%
    launches: 1
"""
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL, signal.SIGINT)
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
        self.suite = os.path.join(folder, "killed.yaml")
        with open(self.suite, "w", encoding="utf-8") as stream:
            stream.write(SUITE)
        self.run_words = [self.suite, "-q"]
        self.records = 0
        self.completed = 0
        self.slowest_end = 0.0

    def start(self, *arguments):
        return subprocess.Popen([self.program, "run", *arguments, "--data-dir", self.data],
                                cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def run(self, *arguments):
        process = self.start(*arguments)
        said = process.communicate(timeout=300)[1].decode()
        assert process.returncode == 0, f"{arguments}: exit {process.returncode}: {said}"

    def alive(self):
        return processes(self.mark)

    def wait_until_all_are_gone(self):
        deadline = time.monotonic() + 20
        while self.alive():
            assert time.monotonic() < deadline, f"processes {self.alive()} outlived the kill"
            time.sleep(0.02)

    def temporaries(self):
        return [os.path.join(parent, name) for parent, folders, files in os.walk(self.folder)
                for name in folders + files if TEMPORARY.search(name)]

    def end_after(self, delay, signal_number):
        """Ends a run, and gives the folder that it made, or None."""
        before = set(os.listdir(self.results)) if os.path.isdir(self.results) else set()
        process = self.start(*self.run_words)
        time.sleep(delay)
        process.send_signal(signal_number)
        asked = time.monotonic()
        process.communicate(timeout=300)
        took = time.monotonic() - asked
        # Before handlers were installed these signals end the program at once too.
        if process.returncode < 0:
            self.wait_until_all_are_gone()
        elif process.returncode == 4:
            self.slowest_end = max(self.slowest_end, took)
        after = set(os.listdir(self.results)) if os.path.isdir(self.results) else set()
        made = [name for name in after - before if not name.startswith((".", "latest"))]
        assert len(made) <= 1, made
        folder = os.path.join(self.results, made[0]) if made else None
        if signal_number != signal.SIGKILL:
            self.check_ended(process.returncode, folder)
        return folder

    def check_ended(self, code, folder):
        """A signal that can be handled leaves nothing but the record, or came before or after all."""
        assert code in (0, 4, -signal.SIGTERM, -signal.SIGINT), code
        assert self.alive() == [], (code, self.alive())
        if code in (0, 4):
            assert self.temporaries() == [], self.temporaries()
            assert control_groups() == set(), control_groups()
            with open(os.path.join(folder, "results.json"), encoding="utf-8") as stream:
                assert json.load(stream)["run"]["finished_utc"]

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
        planned = sum(case["launches_planned"] for case in record["cases"] if not case["skipped"])
        assert len(record["launches"]) == planned, len(record["launches"])
        assert record["launches"][:len(found)] == found
        assert all(launch["status"] == "ok" for launch in record["launches"])
        self.completed += record["run"]["resumed"]

    def check_rest(self):
        self.run("-w", "sequential", "-e", "mmap", "-c", "warm", "--size", "64KiB", "--launches",
                 "1", "-q")
        assert self.temporaries() == [], self.temporaries()
        assert control_groups() == set(), control_groups()
        for name in os.listdir(self.data):
            assert name.endswith(".dat") or name == ".mapmeter-locks", name


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
        killer.run(*killer.run_words)
        whole_run = time.monotonic() - started
        for kill in range(arguments.kills):
            if kill % 4 == 0:
                shutil.rmtree(killer.data)  # so that some die while they make the data
            made = killer.end_after(moments.uniform(0, whole_run), SIGNALS[kill % len(SIGNALS)])
            if made:
                killer.check(made)
            killer.check_rest()
        assert killer.records, "no kill came after the first save: the moments test nothing"
        print(f"{arguments.kills} signals, {killer.records} records, {killer.completed} of them "
              f"completed; the slowest end by SIGINT or SIGTERM took {killer.slowest_end:.2f} s")
    finally:
        for pid in killer.alive():
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(folder)


main()
