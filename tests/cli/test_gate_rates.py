#!/usr/bin/env python3
"""ci/gate-rates keeps whole suites alone, draws from them, and writes its page and plot."""

import glob
import json
import lzma
import os
import shutil
import signal
import subprocess
import sys
import time

import sandbox

SETTINGS = "pairs: 6\nfirst-look: 6\nextended: {extended}\nslices: 2\nslice: 1ms\nlevel: 10%\n" \
           "metrics: {{time: {{target: 90%}}, minor_faults: {{slack: 200}}}}\n"
SUITE = b"name: one\ndefaults: {size: 1MiB, engine: mmap, cache: warm}\ncases: [{workload: sequential}]\n"


class Test:
    def __init__(self, box):
        self.box = box
        self.kept = os.path.join(box.folder, "kept")
        self.suite = box.write("one.yaml", SUITE)
        self.short = box.write("short.yaml", SETTINGS.format(extended=6).encode())
        long = SETTINGS.format(extended=500).replace("pairs: 6", "pairs: 500").replace("k: 6", "k: 500")
        self.long = box.write("long.yaml", long.encode())
        self.tool = os.path.join(os.environ["MAPMETER_BUILD_DIR"], "mapmeter_gate_rates")
        self.environment = dict(box.environment, TMPDIR=box.top)

    def start(self, *arguments):
        script = os.path.join(os.environ["MAPMETER_SOURCE_DIR"], "ci", "gate_rates.py")
        program = os.path.join(self.box.top, "bin", "mapmeter")
        return subprocess.Popen(
            [sys.executable, "-B", script, "--program", program, "--statistics", self.tool, "--folder",
             self.kept, *arguments], env=self.environment, cwd=self.box.folder, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def run(self, *arguments, code=0):
        process = self.start(*arguments)
        printed, said = process.communicate()
        assert process.returncode == code, f"{arguments}: exit {process.returncode}: {printed}{said}"
        return printed + said

    def equal_sides(self, settings, count="1"):
        return ("aa", count, "--loaded", "--suite", self.suite, "--settings", settings)

    def names(self):
        return sorted(os.listdir(self.kept))

    def read(self, name):
        with lzma.open(os.path.join(self.kept, name), "rt", encoding="utf-8") as stream:
            return json.load(stream)

    def wait_for_samples(self):
        """Until the gate of the suite measures: its folder of results."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            found = glob.glob(os.path.join(self.box.top, "gate-rates-*", "out", "samples.csv.partial"))
            if found:
                return
            time.sleep(0.02)
        raise AssertionError("no gate began")

    def test_1_a_suite_is_kept_with_all_its_scores(self):
        self.run(*self.equal_sides(self.short))
        name, = self.names()
        assert name.startswith("loaded-") and name.endswith(".json.xz")
        entry = self.read(name)
        record = entry["record"]
        assert entry["kind"] == "loaded" and entry["seconds"] > 0 and entry["load_before"] >= 0
        assert record["gate"]["seed"] and record["environment"]["fingerprint"]
        assert record["gate"]["base"]["digest"] == record["gate"]["head"]["digest"]
        benchmark, = record["benchmarks"]
        assert all(len(metric["scores"]) == 6 for metric in benchmark["metrics"].values())
        # Nothing of this host but what a measurement needs.
        text = json.dumps(entry)
        assert self.box.top not in text and "hostname" not in text

    def test_2_what_is_killed_leaves_nothing(self):
        before = self.names()
        for number, times in ((signal.SIGTERM, 2), (signal.SIGKILL, 1)):
            process = self.start(*self.equal_sides(self.long))
            self.wait_for_samples()
            for _ in range(times):
                process.send_signal(number)
                time.sleep(0.2)
            process.communicate()
            assert process.returncode != 0
            assert self.names() == before, self.names()
            for folder in glob.glob(os.path.join(self.box.top, "gate-rates-*")):
                assert number == signal.SIGKILL, "a signal that can be caught leaves no folder"
                self.wait_for_end(folder)
                shutil.rmtree(folder)

    @staticmethod
    def command_lines():
        for path in glob.glob("/proc/[0-9]*/cmdline"):
            try:
                with open(path, "rb") as stream:
                    yield stream.read().decode(errors="replace")
            except OSError:
                pass

    def wait_for_end(self, folder):
        """The gate ends with the script that was killed, although nobody can tell it."""
        deadline = time.monotonic() + 30
        while any(folder in line for line in self.command_lines()):
            assert time.monotonic() < deadline, "the gate outlives its script"
            time.sleep(0.05)

    def test_3_it_stops_after_the_present_suite(self):
        before = len(self.names())
        process = self.start(*self.equal_sides(self.short, "50"))
        self.wait_for_samples()
        self.box.write("kept/stop", b"")
        process.communicate()
        assert process.returncode == 0
        assert before < len(self.names()) < before + 50 and "stop" not in self.names()

    def test_4_a_selftest_says_whether_it_was_detected(self):
        said = self.run("selftest", "faults", "100", "1", "--loaded", "--settings", self.short)
        assert "faults 100 % detected" in said, said
        name, = [name for name in self.names() if name.startswith("selftest")]
        entry = self.read(name)
        assert entry["detected"] and entry["injected"] == {"kind": "faults", "percent": 100,
                                                           "metric": "minor_faults"}
        # As if nothing else had run, and of a kind that is plotted: for the page and the plot.
        for kind, percent, detected in (("random", 0, False), ("random", 5, True), ("flush", 5, True)):
            entry.update(quiet=True, detected=detected)
            entry["injected"].update(kind=kind, percent=percent)
            self.box.write(f"kept/selftest-{kind}-{percent}.json.xz",
                           lzma.compress(json.dumps(entry).encode()))

    def test_5_suites_are_drawn_and_named_as_such(self):
        rows = json.loads(self.run("resample", "50", "--json"))
        live, *drawn = rows
        assert live["source"] == "live" and live["suites"] == live["kept"]
        assert [row["source"] for row in drawn] == ["drawn, signs", "drawn, centred"]
        for row in drawn:
            assert row["suites"] == 50 and row["verdicts"] == 100, row
            if row["alarms"] == 0:
                assert abs(row["alarms_at_most"] - (1 - 0.05 ** (1 / 50))) < 1e-9, row
        assert rows == json.loads(self.run("resample", "50", "--json")), "the seed decides"

    def test_6_the_report_has_a_page_and_a_plot(self):
        images = os.path.join(self.box.folder, "images")
        self.run("report", "--suites", "20", "--images", images)
        with open(os.path.join(self.kept, "README.md"), encoding="utf-8") as stream:
            page = stream.read()
        assert "| random |" in page and "(live)" in page and "(drawn, signs)" in page, page
        assert "≥ 5.0 %" in page, page  # 1 of 1: 0.05 is the lower bound of 95 %
        with open(os.path.join(images, "gate-power.dat"), encoding="utf-8") as stream:
            blocks = stream.read().split("\n\n\n")
        assert [block.splitlines()[0] for block in blocks] == ['"random"', '"flush"'], blocks
        assert blocks[0].splitlines()[2].startswith("5 1 0.025"), blocks
        if shutil.which("gnuplot"):
            assert os.path.getsize(os.path.join(images, "gate-power.svg")) > 0

    def test_7_wrong_use_measures_nothing(self):
        before = self.names()
        for arguments, code, why in ((("selftest", "sideways", "5", "1"), 2, "sideways"),
                                     (("selftest", "faults", "5", "1"), 1, "0 or 100"),
                                     (("aa", "0"), 2, "0"),
                                     (("resample", "--revisions=--all"), 1, "--revisions --all"),
                                     (("aa", "1", "--loaded", "--suite", "none-such"), 1, "none-such")):
            said = self.run(*arguments, code=code)
            assert why in said, said
        self.box.write("kept/aa-broken.json.xz", b"no")
        assert "aa-broken.json.xz" in self.run("resample", "1", code=1)
        os.unlink(os.path.join(self.kept, "aa-broken.json.xz"))
        assert self.names() == before


def main():
    with sandbox.Sandbox() as box:
        test = Test(box)
        names = sorted(name for name in dir(test) if name.startswith("test_"))
        for name in names:
            getattr(test, name)()
        print(f"{len(names)} tests")


if __name__ == "__main__":
    main()
