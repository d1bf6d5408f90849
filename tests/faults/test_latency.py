"""A stall of known length is seen in full where operations have a schedule, and hidden where each
waits for the one before; a schedule that cannot be kept is said.

The counts follow from arithmetic. An operation whose moment lies t after the start of a stall of
length S counts at least S - t, whatever else the machine does; so at a rate r at least (S - L) r
operations of each stall are above L. Upper bounds are for machines that are busy with others."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

PROGRAM = None

OPERATIONS = 20_000
EVERY = 2_000
STALLS = OPERATIONS // EVERY
STALL_NS = 20_000_000
RATE = 10_000
SLOW_NS = 10_000_000
QUEUED_PER_STALL = (STALL_NS - SLOW_NS) * RATE // 1_000_000_000
BUCKET = 1 + 1 / 128


def count_from(histogram, limit_ns):
    """Values that are certainly not below the limit: their bucket begins there or higher."""
    return sum(count for low, count in histogram["buckets"] if low >= limit_ns)


def percentile(histogram, share):
    """The lower bound of the bucket with the nearest rank."""
    rank = max(1, -(-share * histogram["count"] // 1))
    for low, count in histogram["buckets"]:
        rank -= count
        if rank <= 0:
            return low
    raise AssertionError("fewer values than the histogram counts")


class Latency(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="mapmeter-latency-",
                                       dir=os.environ.get("TMPDIR", "/var/tmp"))

    def tearDown(self):
        shutil.rmtree(self.folder)

    def measure(self, *arguments):
        """The launches by rate (None: closed loop), and what the program has printed."""
        out = os.path.join(self.folder, "out")
        done = subprocess.run(
            [PROGRAM, "run", "-w", "fault-stalling", "-e", "mmap", "-c", "warm", "--size", "64KiB",
             "--launches", "1", "--data-dir", os.path.join(self.folder, "data"), "--out", out,
             *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)
        with open(os.path.join(out, "results.json"), encoding="utf-8") as stream:
            record = json.load(stream)
        rates = {case["id"]: case.get("rate") for case in record["cases"]}
        return {rates[launch["case"]]: launch for launch in record["launches"]}, done.stdout

    def test_a_stall_is_seen_by_the_open_loop_and_hidden_by_the_closed_one(self):
        launches, _ = self.measure("--measure", "latency", "--rate", f"closed,{RATE}")
        closed = launches[None]["histograms"]["touch_ns"]
        opened = launches[RATE]["histograms"]["touch_ns"]
        for histogram in (closed, opened):  # none is skipped, in whichever loop
            self.assertEqual(histogram["count"], OPERATIONS)
            self.assertGreaterEqual(histogram["maximum"], STALL_NS)

        slow_closed = count_from(closed, SLOW_NS)
        slow_opened = count_from(opened, SLOW_NS * BUCKET)
        self.assertGreaterEqual(slow_closed, STALLS)
        self.assertLess(slow_closed, 2 * STALLS)
        self.assertGreaterEqual(slow_opened, 0.9 * STALLS * QUEUED_PER_STALL)
        self.assertGreater(slow_opened, 20 * slow_closed)

        # One in 2,000 is beyond the 99.9th percentile; one and the 200 behind it are not.
        self.assertLess(percentile(closed, 0.999), SLOW_NS)
        self.assertGreaterEqual(percentile(opened, 0.999), SLOW_NS)
        self.assertGreaterEqual(percentile(opened, 0.99), SLOW_NS)

        operations = launches[RATE]["samples"][0]["operations"]
        self.assertEqual(operations["count"], OPERATIONS)
        self.assertGreaterEqual(operations["queued"], 0.9 * STALLS * STALL_NS * RATE / 1e9)
        self.assertGreaterEqual(operations["late"], operations["queued"])
        self.assertGreaterEqual(operations["elapsed_ns"], OPERATIONS / RATE * 1e9)
        self.assertNotIn("late", launches[None]["samples"][0]["operations"])

    def test_percentile_tables_of_the_latencies_are_written(self):
        self.measure("--measure", "latency", "-p", "operations=100")
        plots = os.path.join(self.folder, "out", "plots")
        with open(os.path.join(plots, "touch_ns-c0.hgrm"), encoding="utf-8") as stream:
            self.assertIn("Total count    =          100]", stream.read())
        self.assertTrue(os.path.exists(os.path.join(plots, "latency.dat")))

    def test_a_rate_beyond_the_machine_is_said(self):
        # 400 operations that sleep for 1 ms each cannot start 100,000 times a second.
        launches, said = self.measure("--measure", "latency", "--rate", "100000", "-p",
                                      "operations=400", "-p", "every=1", "-p", "stall-us=1000")
        operations = launches[100000]["samples"][0]["operations"]
        self.assertGreaterEqual(operations["elapsed_ns"], 400 * 1_000_000)
        self.assertGreaterEqual(operations["queued"], 390)
        self.assertIn("RATE NOT KEPT", said)
        self.assertIn(" of 100000/s", said)
        with open(os.path.join(self.folder, "out", "summary.md"), encoding="utf-8") as stream:
            self.assertIn("100000 operations a second were asked for", stream.read())

    def test_throughput_has_no_latencies(self):
        launches, _ = self.measure("-p", "operations=100")
        self.assertNotIn("histograms", launches[None])
        self.assertNotIn("operations", launches[None]["samples"][0])


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
