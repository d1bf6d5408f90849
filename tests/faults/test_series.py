"""Time series against known truths: a paced writer, several processes, a command with children."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

PROGRAM = None
MIB = 1 << 20
PAUSE_NS = 30_000_000  # of fault-paced, after each block of 1 MiB
COUNTING_UP = ["bytes", "items", "minor_faults", "major_faults", "device_read_bytes",
               "device_written_bytes"]

# Touches 256 fresh pages every 100 ms, in itself and in a child that it waits for in the end.
COMMAND = """
import mmap, os, sys, time
def touch():
    for _ in range(24):
        with mmap.mmap(-1, 256 * mmap.PAGESIZE,
                       flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
            memory.madvise(mmap.MADV_NOHUGEPAGE)
            for page in range(256):
                memory[page * mmap.PAGESIZE] = 1
        time.sleep(0.1)
with open(sys.argv[1], "rb") as stream:
    stream.read()
child = os.fork()
touch()
if child == 0:
    os._exit(0)
os.waitpid(child, 0)
"""


class Series(unittest.TestCase):
    def setUp(self):
        parent = os.environ.get("TMPDIR", "/var/tmp")
        self.folder = tempfile.mkdtemp(prefix="mapmeter-series-", dir=parent)
        self.out = os.path.join(self.folder, "out")

    def tearDown(self):
        shutil.rmtree(self.folder)

    def measure(self, *words):
        """The one sample of a run of one launch, from a record that the program reads again."""
        command = [PROGRAM, "run", "--out", self.out, "--seed", "1", "--launches", "1", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
        self.assertEqual(done.returncode, 0, done.stderr)
        again = subprocess.run([PROGRAM, "compare", self.out, self.out], capture_output=True,
                               text=True, check=False)
        self.assertEqual(again.returncode, 0, again.stderr)
        with open(os.path.join(self.out, "results.json"), encoding="utf-8") as stream:
            self.record = json.load(stream)
        (sample,) = self.record["launches"][0]["samples"]
        return sample

    def paced(self, *words):
        data = os.path.join(self.folder, "data")
        return self.measure("-w", "fault-paced", "-e", "mmap", "-c", "warm", "--size", "80MiB",
                            "--data-dir", data, *words)

    def check_form(self, series):
        times = series["elapsed_ns"]
        self.assertEqual(times[0], 0)
        self.assertTrue(all(a < b for a, b in zip(times, times[1:])), times)
        for name in COUNTING_UP:
            column = series[name]
            if isinstance(column, list):
                self.assertEqual(len(column), len(times), name)
                self.assertEqual(column[0], 0, name)
                self.assertTrue(all(a <= b for a, b in zip(column, column[1:])), (name, column))

    def check_dirty_pages(self, series):
        dirty = series["dirty_bytes"]
        if not isinstance(dirty, list):
            self.assertIn("unavailable", dirty)
            return
        self.assertEqual(dirty[0], 0)
        self.assertGreater(max(dirty), 0, "no page was seen dirty")
        self.assertEqual((dirty[-1], series["writeback_bytes"][-1]), (0, 0), "after the flush")

    def test_a_paced_writer_is_seen_at_its_pace_and_to_the_last_byte(self):
        sample = self.paced("--interval", "50ms")
        series = sample["series"]
        self.check_form(series)
        self.assertEqual(series["interval_ns"], 50_000_000)
        self.assertEqual(series["bytes"][-1], sample["bytes"])
        self.assertEqual(sample["bytes"], 80 * MIB)
        self.assertEqual(series["items"][-1], 80)
        self.assertGreater(len(series["bytes"]), 4)
        self.assertTrue(any(0 < moved < sample["bytes"] for moved in series["bytes"]),
                        "progress was seen at the end alone")
        for at_ns, moved in zip(series["elapsed_ns"][:-1], series["bytes"]):
            self.assertEqual(moved % MIB, 0)
            self.assertLessEqual(moved // MIB, at_ns // PAUSE_NS + 1, "ahead of the pace")
        self.assertEqual(series["resident_bytes"][-1], 80 * MIB)
        self.check_dirty_pages(series)

    def test_faults_of_the_series_are_those_of_the_phases(self):
        sample = self.paced()
        phases = [sample["phases"][name]["counters"] for name in ("touch", "flush")]
        counted = sum(phase["rusage_minor_faults"] for phase in phases)
        seen = sample["series"]["minor_faults"][-1]
        # The two readings at the ends take a few of their own: files are opened and read.
        self.assertGreaterEqual(seen, counted)
        self.assertLess(seen, counted + 200)

    def test_peers_are_summed_and_seen_after_each_pass_where_they_show_nothing(self):
        suite = os.path.join(self.folder, "suite.yaml")
        with open(suite, "w", encoding="utf-8") as stream:
            stream.write("name: peers\ndefaults: {engine: mmap, cache: warm, size: 1MiB}\ncases:\n"
                         "  - {workload: fault-slow-peers, samples: 1, iterations: 8}\n")
        data = os.path.join(self.folder, "data")
        sample = self.measure(suite, "--data-dir", data)
        series = sample["series"]
        self.check_form(series)
        self.assertEqual(series["bytes"][-1], 8 * MIB)
        self.assertEqual(series["items"][-1], 8 * 2)
        self.assertEqual([moved % (MIB // 2) for moved in series["bytes"]],
                         [0] * len(series["bytes"]))
        self.assertTrue(any(0 < moved < 8 * MIB for moved in series["bytes"]))

    def test_without_an_interval_there_is_no_series_and_no_short_one_ever(self):
        self.assertNotIn("series", self.paced("--interval", "off"))
        self.assertEqual(self.record["cases"][0]["interval_ns"], 0)
        shutil.rmtree(self.out)
        data = os.path.join(self.folder, "data")
        sample = self.measure("-w", "sequential", "-e", "mmap", "-c", "cold", "--size", "1MiB",
                              "--data-dir", data)
        self.assertNotIn("series", sample)
        self.assertNotIn("interval_ns", self.record["cases"][0])

    def test_a_command_is_seen_with_its_children(self):
        script = os.path.join(self.folder, "touch.py")
        data = os.path.join(self.folder, "data.bin")
        with open(script, "w", encoding="utf-8") as stream:
            stream.write(COMMAND)
        with open(data, "wb") as stream:
            stream.write(os.urandom(MIB))
        sample = self.measure("--file", data, "-c", "cold", "--", sys.executable, script, data)
        series = sample["series"]
        self.check_form(series)
        self.assertIn("unavailable", series["bytes"])
        self.assertIn("unavailable", series["items"])
        resident = series["resident_bytes"]
        if isinstance(resident, list):
            self.assertEqual((resident[0], resident[-1]), (0, MIB))
        faults = series["minor_faults"]
        # Before the child is waited for its faults are in the series already.
        self.assertGreaterEqual(faults[-1], 2 * 24 * 256)
        counted = sample["phases"]["touch"]["counters"]["minor_faults"]
        if isinstance(counted, (int, float)):
            self.assertLess(abs(faults[-1] - counted), 500)
        middle = len(faults) * 3 // 4
        self.assertGreater(faults[middle], 24 * 256)


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
