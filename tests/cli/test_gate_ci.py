#!/usr/bin/env python3
"""The step of the GitHub action: what it passes on, what it leaves, and what its exit code is."""

import os
import subprocess

import sandbox

SETTINGS = b"pairs: 6\nfirst-look: 6\nextended: 6\nslices: 2\nslice: 1ms\nlevel: 10%\n" \
           b"metrics: {time: off, minor_faults: {slack: 200}}\n"
SUITE = b"name: one\ndefaults: {size: 1MiB, engine: mmap, cache: warm}\n" \
        b"cases: [{workload: sequential}]\n"
FAKE = """#!/bin/sh
printf '%s\\n' "$@" > arguments
mkdir -p out && echo summary > out/summary.md
exit {code}
"""


class Step:
    def __init__(self, box):
        self.box = box
        self.script = os.path.join(os.environ["MAPMETER_SOURCE_DIR"], "ci", "github", "run")

    def run(self, code, **inputs):
        for name in ("summary", "output"):
            self.box.write(name, b"")
        environment = dict(self.box.environment, GITHUB_STEP_SUMMARY="summary",
                           GITHUB_OUTPUT="output", **inputs)
        done = subprocess.run(["bash", self.script], cwd=self.box.folder, env=environment,
                              capture_output=True, text=True, check=False)
        assert done.returncode == code, (inputs, done)
        return done.stdout

    def text(self, name):
        with open(os.path.join(self.box.folder, name), encoding="utf-8") as stream:
            return stream.read()


def check(box):
    step = Step(box)
    box.write("settings.yaml", SETTINGS)
    box.write("one.yaml", SUITE)
    program = box.environment["PATH"].split(":")[0]

    step.run(0, GATE_BASE=program, GATE_SUITE="./one.yaml", GATE_SETTINGS="settings.yaml",
             GATE_OUT="passed")
    assert "exit-code=0" in step.text("output")
    assert "mapmeter gate" in step.text("summary") and "pass: 1 PASS" in step.text("summary")

    printed = step.run(5, GATE_BASE="missing", GATE_OUT="none")
    assert "::error title=mapmeter gate::no usable baseline" in printed
    assert "exit-code=5" in step.text("output")

    # An inconclusive gate is a warning, unless it is asked to be more; others keep their codes.
    for code, given, wanted in ((3, "", 0), (3, "warn", 0), (3, "fail", 3), (1, "warn", 1),
                                (4, "", 4)):
        fake = box.write("fake", FAKE.format(code=code).encode())
        os.chmod(fake, 0o755)
        printed = step.run(wanted, MAPMETER=fake, GATE_INCONCLUSIVE=given, GATE_OUT="out")
        assert ("::warning" in printed) == (code == 3), printed
        assert f"exit-code={code}" in step.text("output")
        assert step.text("summary") == "summary\n"

    # Inputs are words, whatever stands in them.
    step.run(4, MAPMETER=fake, GATE_OUT="out", GATE_BASE_REV="$(touch owned); 'x", GATE_WAIVERS="a b")
    assert step.text("arguments").splitlines() == [
        "gate", "--annotations", "--out", "out", "--base-rev=$(touch owned); 'x", "--waivers=a b"]
    assert not os.path.exists(os.path.join(box.folder, "owned"))


with sandbox.Sandbox() as sandboxed:
    check(sandboxed)
