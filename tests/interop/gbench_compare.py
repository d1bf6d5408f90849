"""Google Benchmark's compare.py reads what mapmeter derives from two records.

usage: gbench_compare.py GBENCH_WRITE
"""

import json
import os
import subprocess
import sys
import tempfile

COMPARE = "/usr/share/benchmark/compare.py"
SKIP = 77
LAUNCHES = 9
SLOWDOWN = 0.25


def compare(folder, first, second, environment=None):
    """Runs compare.py; its output and the report that it dumps."""
    report = os.path.join(folder, "report.json")
    run = subprocess.run(
        [sys.executable, COMPARE, "--no-color", "-d", report, "benchmarks",
         os.path.join(folder, first), os.path.join(folder, second)],
        capture_output=True, encoding="utf-8", check=False,
        env={**os.environ, **(environment or {})})
    assert run.returncode == 0, f"compare.py ended with {run.returncode}: {run.stderr}"
    assert not run.stderr, f"compare.py complains: {run.stderr}"
    with open(report, encoding="utf-8") as stream:
        return run.stdout, {row["name"]: row for row in json.load(stream)}


def benchmarks_of(folder, name):
    with open(os.path.join(folder, name), encoding="utf-8") as stream:
        return json.load(stream)["benchmarks"]


def check_repetitions(folder):
    names = {entry["name"] for entry in benchmarks_of(folder, "base.json")}
    assert len(names) == 7, names
    output, report = compare(folder, "base.json", "slow.json")
    for name in names:
        assert output.count(name + " ") == LAUNCHES, f"{name} is not compared {LAUNCHES} times"
        assert name + "_pvalue" in output, f"no U test of {name}"
        row = report[name]
        assert row["utest"]["have_optimal_repetitions"], row["utest"]
        assert row["utest"]["time_pvalue"] < 0.01, f"{name}: the slowdown is not seen"
        for pair in row["measurements"]:
            assert abs(pair["time"] - SLOWDOWN) < 0.06, pair
    assert "Results unreliable" not in output


def check_equal_records(folder):
    """Equal times must not break the U test."""
    _, report = compare(folder, "base.json", "base.json")
    for name, row in report.items():
        assert all(pair["time"] == 0 for pair in row["measurements"]), name


def check_aggregates(folder):
    entries = benchmarks_of(folder, "base-aggregates.json")
    assert len({entry["name"] for entry in entries}) == len(entries) == 7
    # What github-action-benchmark and Bencher read of every entry.
    for entry in entries:
        assert entry["run_type"] == "iteration"
        assert entry["time_unit"] == "ns" and entry["threads"] == 1
        assert isinstance(entry["iterations"], int)
        assert isinstance(entry["real_time"], float) and isinstance(entry["cpu_time"], float)
    output, report = compare(folder, "base-aggregates.json", "slow-aggregates.json",
                             {"LC_ALL": "C.UTF-8"})
    for entry in entries:
        assert entry["name"] in output
        assert abs(report[entry["name"]]["measurements"][0]["time"] - SLOWDOWN) < 0.03


def main():
    if not os.path.exists(COMPARE):
        print(f"skipped: {COMPARE} is missing (package libbenchmark-tools)")
        return SKIP
    try:
        import scipy  # noqa: F401  compare.py needs it
    except ImportError:
        print("skipped: compare.py needs scipy (package python3-scipy)")
        return SKIP
    with tempfile.TemporaryDirectory() as folder:
        for name, seed, slowdown in (("base", "1", "0"), ("slow", "2", str(SLOWDOWN))):
            subprocess.run([sys.argv[1], folder, name, seed, slowdown], check=True)
        check_repetitions(folder)
        check_equal_records(folder)
        check_aggregates(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
