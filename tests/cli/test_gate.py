#!/usr/bin/env python3
"""mapmeter gate: exit codes, files, and verdicts on what does not depend on the time of day.

Times decide nothing here but where they are doubled; what passes is judged by its faults alone.
"""

import csv
import datetime
import json
import os
import signal
import subprocess
import time
import xml.etree.ElementTree

import sandbox

FAULTS_ALONE = "pairs: 12\nfirst-look: 12\nextended: 12\nslices: 3\nslice: 1ms\nlaunch: 1s\nlevel: 5%\n" \
               "metrics: {time: off, minor_faults: {slack: 200}}\n"
# Enough for verdicts that do not hang by a hair: 6 of 6 pairs have a probability of 1/64.
QUICK = FAULTS_ALONE.replace("12", "6").replace("slices: 3", "slices: 2")
# Only what takes several times as long is worse, however busy the machine is.
COARSE = "pairs: 6\nfirst-look: 6\nextended: 6\nslices: 3\nslice: 1ms\nlevel: 10%\nmetrics: {minor_faults: off, " \
         "time: {margin: 50%, minimum: 90%, target: 100%}}\n"
WITH_TIME = FAULTS_ALONE.replace("time: off, ", "")
CASE = ("-w", "sequential", "-e", "mmap", "-c", "warm", "--size", "1MiB")
NAME = "sequential/engine:mmap/cache:warm/operation:read/direction:forward/block:1MiB/" \
       "advice:normal/size:1MiB"


class Test:
    def __init__(self, box):
        self.box = box
        self.runs = 0
        box.write("faults.yaml", FAULTS_ALONE.encode())
        box.write("time.yaml", WITH_TIME.encode())
        box.write("quick.yaml", QUICK.encode())
        box.write("coarse.yaml", COARSE.encode())

    def start(self, *arguments):
        self.runs += 1
        self.out = os.path.join(self.box.folder, f"out{self.runs}")
        return subprocess.Popen(["mapmeter", "gate", *arguments, "--out", self.out],
                                cwd=self.box.folder, env=self.box.environment, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def run(self, *arguments, code=0):
        process = self.start(*arguments)
        self.printed, said = process.communicate()
        assert process.returncode == code, f"{arguments}: exit {process.returncode}: {said}"
        return said

    def document(self):
        with open(os.path.join(self.out, "results.json"), encoding="utf-8") as stream:
            return json.load(stream)

    def text(self, name):
        with open(os.path.join(self.out, name), encoding="utf-8") as stream:
            return stream.read()

    def test_the_same_program_on_both_sides_passes(self):
        self.run("--base", self.box.environment["PATH"].split(":")[0], "--settings", "faults.yaml",
                 *CASE)
        document = self.document()
        assert document["gate"]["verdict"] == "pass", document["gate"]
        assert document["gate"]["base"]["digest"] == document["gate"]["head"]["digest"]
        benchmark, = document["benchmarks"]
        assert benchmark["name"] == NAME and benchmark["verdict"] == "PASS"
        assert len(benchmark["pairs"]) == 12
        assert set(benchmark["metrics"]) == {"minor_faults"}
        # Counts are the same but for the slack; a sanitizer's memory has a few of its own.
        scores = benchmark["metrics"]["minor_faults"]["scores"]
        assert len(scores) == 12 and max(map(abs, scores)) < 0.05, scores
        assert {pair["first"] for pair in benchmark["pairs"]} == {"base", "head"}
        # Each pair stays on one processor of those that are allowed.
        assert {pair["core"] for pair in benchmark["pairs"]} <= os.sched_getaffinity(0)
        rows = list(csv.DictReader(self.text("samples.csv").splitlines()))
        assert len(rows) == 12 * 2 * 3
        assert len({row["seed"] for row in rows}) == len(rows), "every slice has its own seed"
        assert "PASS" in self.text("summary.md") and self.text("annotations.txt") == ""
        suite = xml.etree.ElementTree.fromstring(self.text("junit.xml")).find("testsuite")
        assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("1", "0", "0")
        assert sorted(os.listdir(self.out)) == ["annotations.txt", "junit.xml", "plots",
                                                "results.json", "samples.csv", "summary.md"]
        plots = sorted(os.listdir(os.path.join(self.out, "plots")))
        assert plots in (["forest.dat", "forest.gp", "forest.svg"], ["forest.dat", "forest.gp"])

    def test_one_more_fault_a_page_is_found_without_any_time(self):
        self.run("selftest", "faults", "--settings", "faults.yaml", "--annotations", *CASE, code=1)
        document = self.document()
        assert document["gate"]["verdict"] == "regressed"
        metric = document["benchmarks"][0]["metrics"]["minor_faults"]
        assert metric["verdict"] == "REGRESSED" and metric["effect"] > 1, metric
        assert "::error title=REGRESSED" in self.printed
        suite = xml.etree.ElementTree.fromstring(self.text("junit.xml")).find("testsuite")
        assert suite.get("failures") == "1"
        assert "REGRESSED" in suite.find("testcase/failure").get("message")

    def test_twice_the_time_is_found(self):
        self.run("selftest", "100%", "--settings", "time.yaml", *CASE, code=1)
        metric = self.document()["benchmarks"][0]["metrics"]["time"]
        assert metric["verdict"] == "REGRESSED" and metric["effect"] > 0.5, metric
        assert metric["p_adjusted"] <= 0.05

    def test_a_waiver_holds_until_its_day_and_up_to_its_ceiling(self):
        today = datetime.datetime.now(datetime.timezone.utc).date()
        yesterday = today - datetime.timedelta(days=1)
        for ceiling, day, code in (("99999%", today, 0), ("99999%", yesterday, 1), ("1%", today, 1)):
            self.box.write("waivers", f"{NAME} | minor_faults | {ceiling} | {day} | a test\n"
                           .encode())
            said = self.run("selftest", "faults", "--settings", "quick.yaml", "--waivers",
                            "waivers", *CASE, code=code)
            assert ("has expired" in said) == (day == yesterday), said
            metric = self.document()["benchmarks"][0]["metrics"]["minor_faults"]
            assert metric["verdict"] == ("REGRESSED" if code else "WAIVED"), metric
        self.box.write("waivers", f"{NAME} | written_bytes | 9% | {today} | other\nx | time | 9% | "
                       f"{today} | unknown\n".encode())
        said = self.run("selftest", "faults", "--settings", "quick.yaml", "--waivers", "waivers",
                        *CASE, code=1)
        assert "waivers:2: the waiver of x names no case of the suite" in said

    def test_without_a_baseline_there_is_no_verdict(self):
        for base, why in (("missing", "No such file"), ("raw.bin", "neither a program nor"),
                          ("folder", "neither a program nor"), ("/bin/true", "cannot be measured")):
            said = self.run("--base", base, "--settings", "faults.yaml", *CASE,
                            code=4 if base == "/bin/true" else 5)
            assert base == "/bin/true" or why in said, said

    def test_wrong_usage_does_nothing(self):
        self.box.write("wrong.yaml", b"pears: 1\n")
        self.box.write("bad-waivers", b"only this\n")
        for arguments, why in (
                (CASE, "--base is missing"),
                (("--base", "x.so", "--head", "y"), "one is a plug-in"),
                (("--base-command", "true"), "--head-command is missing"),
                (("--base", "x", "--base-command", "a", "--head-command", "b"), "leave out --base"),
                (("selftest", *CASE), "say what to inject"),
                (("selftest", "much", *CASE), "say what to inject"),
                (("selftest", "5%", "--settings", "wrong.yaml", *CASE), "wrong.yaml:1: unknown key"),
                (("selftest", "5%", "--waivers", "bad-waivers", *CASE), "bad-waivers:1: a waiver is"),
                (("selftest", "5%", "--correction", "none", *CASE), "--correction: 'none'"),
                (("selftest", "5%", "--inconclusive", "no", *CASE), "--inconclusive: 'no'"),
                (("selftest", "5%", "--pairs", "2", *CASE), "--pairs 2:"),
                (("selftest", "5%", "nothing-of-this-name"), "nothing-of-this-name")):
            said = self.run(*arguments, code=2)
            assert why in said and len(said.splitlines()) == 1, said
            assert not os.path.exists(self.out)

    def test_two_commands_are_compared_whole(self):
        self.box.write("short.yaml", b"pairs: 6\nfirst-look: 6\nextended: 6\nlevel: 20%\n"
                       b"metrics: {time: {target: 90%}, minor_faults: off, major_faults: off}\n")
        self.run("--base-command", "sleep 0.01", "--head-command", "sleep 0.100", "--settings",
                 "short.yaml", code=1)
        benchmark, = self.document()["benchmarks"]
        assert benchmark["slices"] == 1 and {p["core"] for p in benchmark["pairs"]} == {-1}
        assert benchmark["metrics"]["time"]["verdict"] == "REGRESSED"
        said = self.run("--base-command", "true", "--head-command", "false", "--settings",
                        "short.yaml", code=4)
        assert "FAILED" in said
        failure = self.document()["benchmarks"][0]["failure"]
        assert failure["side"] == "head", failure
        suite = xml.etree.ElementTree.fromstring(self.text("junit.xml")).find("testsuite")
        assert suite.get("errors") == "1"

    def test_writers_swap_two_files_of_the_same_size(self):
        # The one slice of what flushes is as long as a launch.
        self.box.write("short-launch.yaml", QUICK.replace("launch: 1s", "launch: 10ms").replace(
            "time: off", "time: off, flush_median: off, written_bytes: off").encode())
        self.run("selftest", "faults", "--settings", "short-launch.yaml", "-w", "sequential", "-e",
                 "mmap", "-c", "warm", "--size", "1MiB", "-p", "operation=write", code=1)
        first, second = self.document()["files"]
        assert first["size_bytes"] == second["size_bytes"] and first["path"] != second["path"]

    def test_a_calibration_is_used_here_and_on_no_other_machine(self):
        self.run("calibrate", "--settings", "quick.yaml", "--calibration", "mine.json", *CASE)
        with open(os.path.join(self.box.folder, "mine.json"), encoding="utf-8") as stream:
            calibration = json.load(stream)
        assert calibration["benchmarks"][NAME]["minor_faults"]["margin"] < 0.05
        assert calibration["fingerprint"] == self.document()["environment"]["fingerprint"]
        calibration["benchmarks"][NAME]["minor_faults"]["quarantined"] = True
        self.box.write("mine.json", json.dumps(calibration).encode())
        self.run("selftest", "faults", "--settings", "quick.yaml", "--calibration", "mine.json",
                 *CASE)
        document = self.document()
        assert document["gate"]["calibration"] == calibration["id"]
        assert document["benchmarks"][0]["verdict"] == "QUARANTINED"
        calibration["benchmarks"][NAME]["minor_faults"].update(quarantined=False, margin=100)
        self.box.write("mine.json", json.dumps(calibration).encode())
        self.run("selftest", "faults", "--settings", "quick.yaml", "--calibration", "mine.json",
                 *CASE, code=3)
        for given, code in (("pass", 0), ("fail", 1), ("exit3", 3)):
            self.run("selftest", "faults", "--settings", "quick.yaml", "--calibration", "mine.json",
                     f"--inconclusive={given}", *CASE, code=code)
            assert self.document()["gate"]["verdict"] == "inconclusive"
        calibration["fingerprint"] = "0x0000000000000000"
        self.box.write("mine.json", json.dumps(calibration).encode())
        for path, why in (("mine.json", "another machine"), ("gone.json", "No such file")):
            said = self.run("selftest", "faults", "--settings", "quick.yaml", "--calibration",
                            path, *CASE, code=5)
            assert why in said, said

    def wait_for_samples(self):
        """Until it measures."""
        partial = os.path.join(self.out, "samples.csv.partial")
        deadline = time.monotonic() + 60
        while not os.path.exists(partial) and time.monotonic() < deadline:
            time.sleep(0.02)

    def plug_ins(self, head, code):
        """The verdict of two plug-ins' only benchmark; every variant is the same workload."""
        folder = os.path.join(os.environ["MAPMETER_BUILD_DIR"], "tests")
        self.run("--base", os.path.join(folder, "gate_probe.so"), "--head",
                 os.path.join(folder, f"{head}.so"), "--settings", "coarse.yaml", "-e", "mmap", "-c",
                 "warm", "--size", "1MiB", "--inconclusive=pass", code=code)
        document = self.document()
        assert document["gate"]["base"]["kind"] == "plug-in", document["gate"]["base"]
        benchmark, = document["benchmarks"]
        assert benchmark["case"]["workload"] == "gate-probe"
        return benchmark

    def test_two_plug_ins_are_compared(self):
        benchmark = self.plug_ins("gate_probe_longer", 1)
        metric = benchmark["metrics"]["time"]
        assert metric["verdict"] == "REGRESSED", metric

    def test_what_takes_longer_outside_of_the_clock_is_not_slower(self):
        # 20 ms in each sample, whose pass takes less than one.
        benchmark = self.plug_ins("gate_probe_pausing", 0)
        assert benchmark["metrics"]["time"]["verdict"] in ("PASS", "INCONCLUSIVE"), benchmark

    def test_a_launch_that_dies_in_the_middle_has_failed(self):
        benchmark = self.plug_ins("gate_probe_dying", 4)
        failure = benchmark["failure"]
        assert benchmark["verdict"] == "FAILED" and failure["side"] == "head", benchmark
        assert failure["kind"] == "killed" and failure["signal"] == signal.SIGKILL, failure
        assert self.document()["gate"]["verdict"] == "failed"
        suite = xml.etree.ElementTree.fromstring(self.text("junit.xml")).find("testsuite")
        assert suite.get("errors") == "1"

    def test_what_the_device_decides_has_a_wider_rule(self):
        self.box.write("cold.yaml", QUICK.replace("time: off", "time: {target: 7%}").encode())
        process = self.start("selftest", "0", "--settings", "cold.yaml", "-w", "sequential", "-e",
                             "mmap", "-c", "cold", "--size", "1MiB", "--inconclusive=pass")
        said = process.communicate()[1]
        if "skipped on this machine" in said:
            print(f"not tried: {said}")
            return
        benchmark, = self.document()["benchmarks"]
        metric = benchmark["metrics"]["cold_time"]
        assert "time" not in benchmark["metrics"] and benchmark["slices"] == 1
        rule = {key: metric[key] for key in ("margin", "minimum", "target")}
        assert rule == {"margin": 0.03, "minimum": 0.05, "target": 0.15}, rule

    def test_a_benchmark_can_have_rules_of_its_own(self):
        self.box.write("own.yaml", (QUICK + "benchmarks:\n- name: none-such\n  metrics: {time: off}\n"
                                    "- name: 'sequential/*/size:1MiB'\n  metrics: {minor_faults: "
                                    "{margin: 99%, minimum: 99%, target: 100%, slack: 1Mi}}\n").encode())
        said = self.run("selftest", "faults", "--settings", "own.yaml", *CASE)
        assert "own.yaml:10: 'none-such' fits no case of the suite" in said, said
        document = self.document()
        metric = document["benchmarks"][0]["metrics"]["minor_faults"]
        assert metric["margin"] == 0.99 and metric["verdict"] == "PASS", metric
        names = [entry["name"] for entry in document["gate"]["settings"]["benchmarks"]]
        assert names == ["none-such", "sequential/*/size:1MiB"]

    def test_stolen_time_leaves_times_unjudged_but_not_counts(self):
        self.box.write("stat", b"cpu  100 0 100 1000 0 0 0 0\n")
        self.runs += 1
        self.out = os.path.join(self.box.folder, f"out{self.runs}")
        space = self.box.environment["SMALL_DISK"].replace(" small-disk", "")
        probe = subprocess.run(f"{space} mount --bind stat /proc/stat", shell=True, check=False,
                               cwd=self.box.folder, env=self.box.environment, capture_output=True)
        if probe.returncode:
            print(f"not tried: nothing can be mounted here: {probe.stderr.decode().strip()}")
            return
        words = ["mapmeter", "gate", "selftest", "0", "--settings", "stolen.yaml", *CASE, "--out",
                 self.out]
        self.box.write("stolen.yaml", QUICK.replace("time: off, ", "").encode())
        process = subprocess.Popen(
            f"{space} sh -c 'mount --bind stat /proc/stat && exec {' '.join(words)}'", shell=True,
            cwd=self.box.folder, env=self.box.environment, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)
        self.wait_for_samples()
        # In place: it is this file that is mounted, not its name.
        with open(os.path.join(self.box.folder, "stat"), "r+b") as stream:
            stream.write(b"cpu  200 0 200 2000 0 0 0 600\n")
        said = process.communicate()[1]
        assert process.returncode == 3, said
        gate = self.document()["gate"]
        assert gate["verdict"] == "inconclusive" and abs(gate["steal_share"] - 1 / 3) < 1e-9, gate
        assert "33.3 % of the processors' time was stolen" in gate["disturbed"], gate
        metrics = self.document()["benchmarks"][0]["metrics"]
        assert metrics["time"]["verdict"] == "INCONCLUSIVE", metrics
        assert metrics["minor_faults"]["verdict"] == "PASS", metrics

    def test_what_is_interrupted_or_killed_has_not_passed(self):
        self.box.write("long.yaml", FAULTS_ALONE.replace("12", "500").encode())
        for number in (signal.SIGINT, signal.SIGKILL):
            process = self.start("selftest", "0", "--settings", "long.yaml", *CASE)
            self.wait_for_samples()
            time.sleep(0.3)
            process.send_signal(number)
            process.communicate()
            gate = self.document()["gate"]
            assert gate["verdict"] is None, gate
            if number == signal.SIGINT:
                assert process.returncode == 4 and gate["interrupted"] == "SIGINT"
                assert "interrupted" in self.text("summary.md")
            else:
                assert gate["finished_utc"] is None

    def git(self, *arguments):
        who = ["-c", "user.name=test", "-c", "user.email=test@localhost", "-c",
               "init.defaultBranch=main"]
        subprocess.run(["git", *who, *arguments], cwd=self.project, check=True,
                       capture_output=True, env=self.box.environment)

    def gate_project(self, revision, code):
        self.runs += 1
        self.out = os.path.join(self.box.folder, f"out{self.runs}")
        done = subprocess.run(["mapmeter", "gate", "--base-rev", revision, "--out", self.out],
                              cwd=os.path.join(self.project, "sub"), text=True,
                              env=dict(self.box.environment, TMPDIR=self.box.top),
                              capture_output=True, check=False)
        assert done.returncode == code, done
        left = [name for name in os.listdir(self.box.top) if name.startswith("mapmeter-base")]
        assert not left, left
        trees = subprocess.run(["git", "worktree", "list"], cwd=self.project, check=True,
                               capture_output=True, text=True).stdout
        assert len(trees.splitlines()) == 1, trees
        return done.stderr

    def test_a_revision_is_built_and_compared_with_the_work_tree(self):
        self.project = os.path.join(self.box.folder, "project")
        os.makedirs(os.path.join(self.project, "sub"))
        settings = ("pairs: 6\nfirst-look: 6\nextended: 6\nlevel: 20%\n"
                    "metrics: {time: {target: 90%}, minor_faults: off, major_faults: off}\n"
                    "build: [cp source 'the program', chmod +x 'the program']\n"
                    "program: the program\ncommand: '{program} x'\n")
        self.box.write("project/sub/mapmeter-gate.yaml", settings.encode())
        self.box.write("project/source", b"#!/bin/sh\nsleep 0.01\n")
        self.git("init")
        self.git("add", ".")
        self.git("commit", "-m", "fast")
        self.box.write("project/source", b"#!/bin/sh\nsleep 0.1\n")
        self.gate_project("HEAD", 1)
        gate = self.document()["gate"]
        assert gate["base"]["given"].endswith("/the program' x"), gate["base"]
        assert self.project in gate["head"]["given"] and gate["verdict"] == "regressed"
        assert "git knows no such revision" in self.gate_project("--all", 5)
        os.unlink(os.path.join(self.project, "source"))
        assert "build step 'cp source" in self.gate_project("HEAD", 4)
        self.git("commit", "-a", "-m", "nothing to build")
        assert "--base-rev HEAD: build step" in self.gate_project("HEAD", 5)

    def test_the_same_seed_gives_the_same_order(self):
        orders = []
        for _ in range(2):
            self.run("selftest", "0", "--settings", "quick.yaml", "--seed", "7", *CASE)
            orders.append(self.document()["benchmarks"][0]["pairs"])
        assert orders[0] == orders[1]

    def test_a_full_disk_is_no_verdict(self):
        why = self.box.lacks("small-disk")
        if why:
            print(f"not tried: {why}")
            return
        done = subprocess.run(
            ["sh", "-c", "$SMALL_DISK sh -c 'head -c 3M /dev/zero > disk/filler 2>/dev/null; "
             "mapmeter gate selftest 0 --settings faults.yaml --out disk/out " + " ".join(CASE)
             + "'"], cwd=self.box.folder, env=self.box.environment, capture_output=True, text=True,
            check=False)
        assert done.returncode == 4 and "No space left" in done.stderr, done


def main():
    with sandbox.Sandbox() as box:
        test = Test(box)
        names = [name for name in dir(test) if name.startswith("test_")]
        for name in names:
            getattr(test, name)()
        print(f"{len(names)} tests")


if __name__ == "__main__":
    main()
