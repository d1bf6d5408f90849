#!/usr/bin/env python3
"""A budget drops whole rounds of launches, never below three of each case, and the record says so."""

import json
import os
import subprocess

import sandbox


def run(box, out, *arguments, code=0):
    done = subprocess.run(["mapmeter", "run", "-q", "--out", out, *arguments], cwd=box.folder,
                          env=box.environment, capture_output=True, text=True, check=False)
    assert done.returncode == code, f"{arguments}: exit {done.returncode}: {done.stderr}"
    if code:
        return done.stderr
    with open(os.path.join(box.folder, out, "results.json"), encoding="utf-8") as stream:
        return json.load(stream)


def check(box):
    # 0.1 s a launch: about 13 of 40 fit into 1.5 s, however slow the machine is not 40.
    record = run(box, "some", "--launches", "40", "--budget", "1.5s", "--", "sleep", "0.1")
    left = len(record["launches"])
    assert 3 <= left <= 15, left
    assert record["cases"][0]["launches_planned"] == left
    assert record["run"]["budget"] == {
        "budget_ns": 1_500_000_000, "least_launches": 3, "launches_dropped": 40 - left}
    assert record["run"]["interrupted"] is None

    # What was dropped does not lack.
    done = subprocess.run(["mapmeter", "run", "--resume", "some"], cwd=box.folder,
                          env=box.environment, capture_output=True, text=True, check=True)
    assert "nothing was measured" in done.stderr, done.stderr

    # No time at all leaves three of each case, from the suite or from the command line.
    suite = "name: mine\nbudget: 1ms\ndefaults: {launches: 9, size: 64KiB, engine: [mmap, pread]}\n"
    box.write("mine.yaml", (suite + "cases:\n  - workload: sequential\n    cache: warm\n").encode())
    for out, arguments in (("least", ["mine.yaml"]), ("same", ["mine.yaml", "--budget", "1us"])):
        record = run(box, out, *arguments)
        assert [case["launches_planned"] for case in record["cases"]] == [3, 3]
        assert record["run"]["budget"]["launches_dropped"] == 12
    record = run(box, "ample", "mine.yaml", "--budget", "1h")
    assert len(record["launches"]) == 18 and record["run"]["budget"]["launches_dropped"] == 0

    # An interrupted run goes on within the same budget.
    record["run"].update(interrupted="SIGINT")
    record["run"]["budget"]["budget_ns"] = 1000
    record["launches"] = [launch for launch in record["launches"] if launch["index"] < 2]
    with open(os.path.join(box.folder, "ample", "results.json"), "w", encoding="utf-8") as stream:
        json.dump(record, stream)
    subprocess.run(["mapmeter", "run", "--resume", "ample", "-q"], cwd=box.folder, check=True,
                   env=box.environment)
    with open(os.path.join(box.folder, "ample", "results.json"), encoding="utf-8") as stream:
        record = json.load(stream)
    assert len(record["launches"]) == 6 and record["run"]["budget"]["launches_dropped"] == 12

    for text in ("5", "0s", "never"):
        said = run(box, "refused", "mine.yaml", "--budget", text, code=2)
        assert "--budget" in said and len(said.splitlines()) == 1, said
    box.write("wrong.yaml", suite.replace("1ms", "soon").encode() +
              b"cases:\n  - workload: sequential\n")
    said = run(box, "refused", "wrong.yaml", code=2)
    assert "wrong.yaml:2" in said, said

    plan = subprocess.run(["mapmeter", "run", "mine.yaml", "--dry-run"], cwd=box.folder, check=True,
                          env=box.environment, capture_output=True, text=True).stdout
    assert "about 6 of 18 launches fit" in plan, plan


with sandbox.Sandbox() as sandboxed:
    check(sandboxed)
