"""What the tests of known truths share: a folder on a disk, runs of mapmeter, sums of counters."""
import json
import os
import shutil
import subprocess
import sys
import tempfile

MIB = 1 << 20
PHASES = ("open", "touch", "compute", "flush", "close")


def skip(reason):
    print(f"skip: {reason}")
    sys.exit(77)


class Folder:
    """Context manager; everything is removed at its end."""

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="mapmeter-truths-",
                                     dir=os.environ.get("TMPDIR", "/var/tmp"))
        self.data = os.path.join(self.path, "data")
        self.runs = 0

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        shutil.rmtree(self.path)

    def run(self, *arguments, command=(), prefix=()):
        """The record of mapmeter run with these arguments, below a program of others if wanted."""
        out = os.path.join(self.path, f"out-{self.runs}")
        self.runs += 1
        words = [*prefix, os.environ["MAPMETER"], "run", *arguments, "--data-dir", self.data,
                 "--out", out, "-q"]
        if command:
            words += ["--", *command]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{words}: exit {done.returncode}: {done.stderr}"
        with open(os.path.join(out, "results.json"), encoding="utf-8") as stream:
            return json.load(stream)


def counter(sample, name, phases=PHASES):
    """The sum over phases, or the reason why there is none."""
    total = 0
    for phase in phases:
        value = sample["phases"].get(phase, {}).get("counters", {}).get(name, 0)
        if isinstance(value, dict):
            return value["unavailable"]
        total += value
    return total
