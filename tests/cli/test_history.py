#!/usr/bin/env python3
"""The history with results of mapmeter, Google Benchmark and fio: what is taken of them, what becomes
of damaged ones, and that a trend finds what is known to be there."""

import copy
import json
import math
import os
import random
import shutil
import sqlite3
import subprocess
import xml.etree.ElementTree

import sandbox

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data")
GOOGLE = os.path.join(DATA, "google-benchmark-1.7.1.json")
AGGREGATES = os.path.join(DATA, "google-benchmark-1.7.1-aggregates.json")
FIO = os.path.join(DATA, "fio-3.33.txt")
DATABASE = "mapmeter-history.sqlite"


def history(box, *arguments, code=0, stdin=None):
    done = subprocess.run(["mapmeter", "history", *arguments], cwd=box.folder, input=stdin,
                          env=box.environment, capture_output=True, check=False)
    said = done.stderr.decode()
    assert done.returncode == code, f"{arguments}: exit {done.returncode}: {said}"
    assert len(said.splitlines()) == (1 if code else 0), said
    return said if code else done.stdout.decode()


def figures(box, source):
    """(benchmark, metric) -> (unit, estimate, low, launches, worse)"""
    with sqlite3.connect(os.path.join(box.folder, DATABASE)) as database:
        rows = database.execute(
            "SELECT benchmark, name, unit, estimate, low, launches, worse FROM metric"
            " JOIN record ON record.id = metric.record WHERE source = ?", (source,)).fetchall()
    database.close()
    return {row[:2]: row[2:] for row in rows}


def forget(box):
    for name in os.listdir(box.folder):
        if name.startswith(DATABASE):
            os.remove(os.path.join(box.folder, name))


def check_google(box):
    said = history(box, "add", GOOGLE)
    assert "16 figures by Google Benchmark" in said and "1 that failed left out" in said, said
    with open(GOOGLE, encoding="utf-8") as stream:
        content = json.load(stream)
    times = sorted(entry["real_time"] for entry in content["benchmarks"]
                   if entry["name"] == "slow" and entry["run_type"] == "iteration")
    found = figures(box, "Google Benchmark")
    unit, estimate, low, launches, worse = found["slow", "real_time"]
    # Milliseconds there, nanoseconds here; repetitions of one process are one launch.
    assert math.isclose(estimate, times[1] * 1e6, rel_tol=1e-12), (estimate, times)
    assert (unit, low, launches, worse) == ("ns", None, 1, 1)
    assert found["copy/64", "bytes_per_second"][4] == -1
    assert found["copy/64", "hits"][1:] == (3.0, None, 1, 0)
    assert not any(name.startswith("fails") or "BigO" in name for name, _ in found), found
    forget(box)
    # The medians alone say the same of the same kind of run.
    history(box, "add", AGGREGATES)
    with open(AGGREGATES, encoding="utf-8") as stream:
        medians = {entry["run_name"]: entry for entry in json.load(stream)["benchmarks"]
                   if entry.get("aggregate_name") == "median"}
    found = figures(box, "Google Benchmark")
    assert math.isclose(found["slow", "real_time"][1], medians["slow"]["real_time"] * 1e6,
                        rel_tol=1e-12)
    assert len(found) == 16
    forget(box)
    # Two hosts are two machines, and a date without a zone is taken for UTC.
    for host, date in (("one", "2026-01-01 12:00:00"), ("two", "2026-01-01T13:00:00+01:00")):
        content["context"].update(host_name=host, date=date)
        history(box, "add", "-", stdin=json.dumps(content).encode())
    records = json.loads(history(box, "list", "--json"))["records"]
    assert {record["measured_utc"] for record in records} == {"2026-01-01T12:00:00Z"}
    assert len({record["machine"] for record in records}) == 2
    history(box, "list", "--machine", "one")
    assert len(json.loads(history(box, "list", "--json", "--machine", "one"))["records"]) == 1
    # The same content in other spaces and another order is the same measurement.
    said = history(box, "add", "-", stdin=json.dumps(content, indent=7, sort_keys=True).encode())
    assert "already" in said, said
    forget(box)


def check_fio(box):
    said = history(box, "add", FIO, "--revision", "v1")
    assert "22 figures by fio" in said and "this machine" in said, said
    text = open(FIO, encoding="utf-8").read()
    content = json.loads(text[text.index("{"):])
    read = content["jobs"][0]["read"]
    found = figures(box, "fio")
    assert found["seqread/read", "bandwidth"] == ("B/s", read["bw_bytes"], None, 1, -1)
    assert found["seqread/read", "iops"][0] == "1/s"
    assert found["seqread/read", "clat_p99"][:2] == (
        "ns", read["clat_ns"]["percentile"]["99.000000"])
    assert ("randrw/write", "clat_p50") in found and ("randrw/sync", "lat_p99") in found
    assert ("seqread/write", "iops") not in found
    history(box, "add", FIO, "--machine", "elsewhere")
    assert len(json.loads(history(box, "list", "--json"))["records"]) == 1
    forget(box)
    # Progress on the same line, two processes of one name, one job that failed.
    content["jobs"] += [copy.deepcopy(content["jobs"][0]), dict(content["jobs"][0], error=2)]
    progress = b"Starting 2 processes\nJobs: 2 (f=2)" + json.dumps(content).encode() + b"\nbye\n"
    said = history(box, "add", "-", "--machine", "lab", stdin=progress)
    assert "1 that failed left out" in said and "this machine" not in said, said
    assert ("seqread#2/read", "iops") in figures(box, "fio")
    forget(box)


def check_gate(box):
    pair = {"core": 0, "first": "head"}
    metric = {"verdict": "PASS", "unit": "ns", "base": 900.0, "head": 1000.0, "scores": [0.1] * 12}
    gate = {
        "schema": {"name": "mapmeter.gate", "version": 1},
        "gate": {"id": "g1", "purpose": "judge", "suite": "ci", "interrupted": None,
                 "started_utc": "2026-11-22T15:00:00Z", "finished_utc": "2026-11-22T15:09:00Z",
                 "mapmeter": {"revision": "abc", "digest": "0x1"}, "verdict": "pass",
                 "head": {"kind": "build", "digest": "0x1"}, "base": {}},
        "environment": {"fingerprint": "f1"}, "files": [],
        "benchmarks": [
            {"name": "random", "case": {"file": None}, "failure": None, "pairs": [pair] * 12,
             "metrics": {"time": metric, "major_faults": {"verdict": "PASS"}}},
            {"name": "broken", "case": {}, "failure": {"kind": "killed"}, "pairs": [],
             "metrics": {}}],
    }
    said = history(box, "add", "-", stdin=json.dumps(gate).encode())
    assert "1 figures by mapmeter gate" in said and "1 that failed left out" in said, said
    assert figures(box, "mapmeter gate") == {("random", "time"): ("ns", 1000.0, None, 12, 1)}
    assert json.loads(history(box, "list", "--json"))["records"][0]["revision"] == "abc"
    for change, word in (({"purpose": "selftest"}, "selftest"), ({"interrupted": "SIGINT"}, "SIGINT"),
                         ({"finished_utc": None}, "not finished"), ({"verdict": None}, "finished")):
        other = dict(gate, gate=dict(gate["gate"], id="g2", **change))
        assert word in history(box, "add", "-", code=2, stdin=json.dumps(other).encode())
    newer = dict(gate, schema={"name": "mapmeter.gate", "version": 2})
    assert "newer mapmeter" in history(box, "add", "-", code=2, stdin=json.dumps(newer).encode())
    forget(box)


def run_of(day, revision, value, machine="lab", name="walk"):
    """A result of Google Benchmark with one benchmark."""
    return {"context": {"date": f"2026-{1 + day // 28:02}-{1 + day % 28:02}T00:00:00+00:00",
                        "host_name": machine, "num_cpus": 2, "caches": [],
                        "executable": "./walks", "revision": revision},
            "benchmarks": [{"name": name, "run_name": name, "run_type": "iteration",
                            "iterations": 1, "real_time": value, "cpu_time": value,
                            "bytes_per_second": 1e12 / value, "time_unit": "us"}]}


def series_of(box, *arguments):
    trend = json.loads(history(box, "trend", "--json", *arguments))
    assert trend["schema"] == {"name": "mapmeter.trend", "version": 1}
    assert trend["method"]["gates"] is False
    return {(one["machine"].split("-")[0], one["metric"]): one for one in trend["series"]}


def check_plot(box):
    """Every figure, the levels around the step and its line."""
    if not shutil.which("gnuplot"):
        return
    history(box, "trend", "--changed", "--metric", "real_time", "--plot", "plot")
    folder = os.path.join(box.folder, "plot")
    assert {"trend.dat", "trend.gp"} <= set(os.listdir(folder)), os.listdir(folder)
    points, levels = open(os.path.join(folder, "trend.dat"), encoding="utf-8").read().split("\n\n\n")
    assert len([line for line in points.splitlines() if line[0] != "#"]) == 40, points
    rows = [line.split() for line in levels.splitlines() if line[0] not in "#N"]
    assert [(row[0], row[1]) for row in rows] == [("0.5", "24.5"), ("24.5", "40.5")], rows
    assert 1.08 < float(rows[1][2]) / float(rows[0][2]) < 1.16, rows
    script = open(os.path.join(folder, "trend.gp"), encoding="utf-8").read()
    assert "panel_count = 1\n" in script and 'mark_at[1] = 24.5; mark_text[1] = "step +1' in script
    picture = xml.etree.ElementTree.parse(os.path.join(folder, "trend.svg")).getroot()
    assert "step +1" in "".join(picture.itertext())
    shutil.rmtree(folder)
    history(box, "trend", "nothing", "--plot", "plot")
    assert not os.path.exists(folder)


def check_trend(box):
    noise = random.Random(5)
    days = list(range(40))
    noise.shuffle(days)  # records need not be added in the order of their measurement
    for day in days:
        level = 100 if day < 24 else 112
        for machine, factor in (("lab", 1.0), ("desk", 3.0)):
            step = level if machine == "lab" else 100
            spike = 2 if machine == "desk" and day in (10, 11) else 1
            value = factor * step * spike * math.exp(noise.gauss(0, 0.01))
            history(box, "add", "-q", "-", "--revision", f"r{day}",
                    stdin=json.dumps(run_of(day, f"r{day}", value, machine)).encode())
    series = series_of(box)
    assert len(series) == 6, list(series)
    time = series["lab", "real_time"]
    assert [point["revision"] for point in time["points"]] == [f"r{day}" for day in range(40)]
    assert len(time["changes"]) == 1, time["changes"]
    step = time["changes"][0]
    assert (step["kind"], step["effect"], step["revision"], step["revision_before"]) == (
        "step", "worse", "r24", "r23")
    assert step["low"] < 1.12 < step["high"] and step["p"] <= 0.01, step
    assert series["lab", "bytes_per_second"]["changes"][0]["effect"] == "worse"
    assert [change["kind"] for change in series["desk", "real_time"]["changes"]] == ["spike"]
    spike = series["desk", "real_time"]["changes"][0]
    assert (spike["first"], spike["last"], spike["revision"]) == (10, 11, "r10"), spike

    # The other machine has spikes alone.
    changed = series_of(box, "--changed")
    assert {machine for machine, _ in changed} == {"lab"} and len(changed) == 3, list(changed)
    check_plot(box)
    text = history(box, "trend", "--changed")
    assert "machine lab" in text and "machine desk" not in text, text
    assert "Changed: 3 of 6 series; steps: 3, drifts: 0, spikes: 3, pending: 0." in text, text

    text = history(box, "trend", "walk", "--metric", "real_time")
    assert "step, worse: +1" in text and "r23 and record" in text and "spike" in text, text
    assert "█" in text and "\033" not in text
    assert text == history(box, "trend", "walk", "--metric", "real_time")
    box.environment["LC_ALL"] = "C"
    assert history(box, "trend", "--metric", "real_time").isascii()
    box.environment["LC_ALL"] = "C.UTF-8"
    assert not series_of(box, "nothing") and len(series_of(box, "--machine", "desk")) == 3
    forget(box)


def check_hostile_names(box):
    name = "a'); DROP TABLE metric; --\x1b[31m\"\u202e"
    for day in range(12):
        history(box, "add", "-q", "-", "--label", name,
                stdin=json.dumps(run_of(day, "", 100 + day % 3, name=name)).encode())
    assert "\x1b" not in history(box, "trend") + history(box, "list")
    series = json.loads(history(box, "trend", "--json"))["series"]
    assert {one["benchmark"] for one in series} == {name} and len(series) == 3
    assert "UTF-8" in history(box, "add", GOOGLE, "--label", b"\xff", code=2)
    forget(box)


def check_processes(box):
    """Those that add at the same time all succeed, also in making the database."""
    writers = []
    for day in range(4):
        path = box.write(f"day{day}.json", json.dumps(run_of(day, "", 100.0 + day)).encode())
        writers.append(subprocess.Popen(["mapmeter", "history", "add", path], cwd=box.folder,
                                        env=box.environment, stdout=subprocess.DEVNULL))
    assert [writer.wait() for writer in writers] == [0] * 4
    assert len(json.loads(history(box, "list", "--json"))["records"]) == 4
    forget(box)


def spoil(content, chance):
    """Another value in the place of one that is somewhere in content."""
    places = []

    def walk(node):
        for key in list(node) if isinstance(node, dict) else range(len(node)):
            places.append((node, key))
            if isinstance(node[key], (dict, list)):
                walk(node[key])
    walk(content)
    node, key = chance.choice(places)
    node[key] = chance.choice([None, "", "x", -1, 0, 1e308, True, [], {}, [[]], {"a": {}}, 2**62])


def check_damaged(box):
    """Cut or changed in any place it is taken or refused in one line; nothing else."""
    chance = random.Random(11)
    text = open(FIO, encoding="utf-8").read()
    subprocess.run(["mapmeter", "run", "-q", "-w", "sequential", "-e", "mmap", "-c", "warm", "--size",
                    "64KiB", "--launches", "1", "--out", "run"], cwd=box.folder, check=True,
                   env=box.environment)
    sources = [json.load(open(GOOGLE, encoding="utf-8")), json.loads(text[text.index("{"):]),
               json.load(open(os.path.join(box.folder, "run/results.json"), encoding="utf-8"))]
    taken = refused = 0
    for round_number in range(150):
        content = copy.deepcopy(sources[round_number % 3])
        if round_number % 5 == 0:
            whole = json.dumps(content).encode()
            damaged = whole[:chance.randrange(len(whole))]
        else:
            for _ in range(chance.randrange(1, 4)):
                spoil(content, chance)
            damaged = json.dumps(content).encode()
        done = subprocess.run(["mapmeter", "history", "add", "-"], cwd=box.folder, input=damaged,
                              env=box.environment, capture_output=True, check=False)
        said = done.stderr.decode()
        assert done.returncode in (0, 2), (done.returncode, said, damaged[:200])
        assert len(said.splitlines()) == (done.returncode == 2), said
        taken += done.returncode == 0
        refused += done.returncode == 2
    assert taken > 20 and refused > 20, (taken, refused)
    history(box, "trend")
    history(box, "list")


with sandbox.Sandbox() as sandboxed:
    for check in (check_google, check_fio, check_gate, check_trend, check_hostile_names,
                  check_processes, check_damaged):
        check(sandboxed)
