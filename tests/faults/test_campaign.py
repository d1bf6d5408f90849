"""Faulty workloads, signals and sudden deaths: a campaign goes on, says why, and leaves nothing."""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import uuid

PROGRAM = None

HEAD = """\
name: faults
defaults:
  size: 1MiB
  engine: mmap
  cache: warm
  launches: {launches}
  samples: 1
  timeout: 60s
cases:
"""

# Workload: kind of the failure, a part of its reason, its signal.
FAULTS = {
    "fault-killed": ("killed", "signal 9", 9),
    "fault-hanging": ("timeout", "3 s", None),
    "fault-lying": ("checksum", "0x0000000000000000", None),
    "fault-unproven": ("checksum", "byte 17", None),
    "fault-failing": ("error", "the device said no", None),
    "fault-speechless": ("error", "touch failed", None),
    "fault-leaving": ("exited", "leaving by the back door", None),
    "fault-dying-peer": ("killed", "peer 1 of 3", 9),
    "fault-failing-peer": ("error", "the third one does not want to", None),
}
GOOD = ["sequential", "fault-printing", "fault-slow-peers"]


def suite_text(workloads, launches):
    cases = "".join(f"  - workload: {w}\n" for w in workloads)
    hanging = "  - workload: fault-hanging\n"
    return HEAD.format(launches=launches) + cases.replace(hanging, hanging + "    timeout: 3s\n")


class Campaign(unittest.TestCase):
    def setUp(self):
        parent = os.environ.get("TMPDIR", "/var/tmp")
        self.folder = tempfile.mkdtemp(prefix="mapmeter-faults-", dir=parent)
        self.out = os.path.join(self.folder, "out")
        self.mark = f"MAPMETER_TEST_MARK={uuid.uuid4().hex}"
        name, value = self.mark.split("=")
        self.environment = dict(os.environ, **{name: value})

    def tearDown(self):
        for pid in self.processes():
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.folder)

    def processes(self):
        """Living processes that were started by this test, directly or not."""
        found = []
        for entry in os.listdir("/proc"):
            if not entry.isdigit():
                continue
            try:
                with open(f"/proc/{entry}/environ", "rb") as stream:
                    if self.mark.encode() not in stream.read().split(b"\0"):
                        continue
                with open(f"/proc/{entry}/stat", encoding="ascii", errors="replace") as stream:
                    state = stream.read().rsplit(")", 1)[1].split()[0]
            except OSError:
                continue
            if state not in "ZX":
                found.append(int(entry))
        return found

    def wait_for(self, condition, what, seconds=20):
        deadline = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), deadline, f"waited too long for {what}")
            time.sleep(0.02)

    def command(self, workloads, launches):
        path = os.path.join(self.folder, "suite.yaml")
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(suite_text(workloads, launches))
        return [PROGRAM, "run", path, "--out", self.out, "--data-dir",
                os.path.join(self.folder, "data"), "--seed", "1"]

    def start(self, workloads, launches, **options):
        return subprocess.Popen(self.command(workloads, launches), env=self.environment,
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL, **options)

    def record(self):
        with open(os.path.join(self.out, "results.json"), encoding="utf-8") as stream:
            return json.load(stream)

    def check_loads(self):
        """The program itself checks every member of a record that it reads."""
        done = subprocess.run([PROGRAM, "compare", self.out, self.out], env=self.environment,
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_each_fault_is_a_failed_case_with_its_reason_and_the_others_finish(self):
        done = subprocess.run(self.command(GOOD + list(FAULTS), 2), env=self.environment,
                              capture_output=True, text=True, check=False, timeout=120)
        self.assertEqual(done.returncode, 4, done.stderr)
        self.assertEqual(self.processes(), [])
        record = self.record()
        names = {case["id"]: case["workload"] for case in record["cases"]}
        self.assertEqual(sorted(names.values()), sorted(GOOD + list(FAULTS)))
        launches = {name: [] for name in names.values()}
        for launch in record["launches"]:
            launches[names[launch["case"]]].append(launch)
        for name in GOOD:
            self.assertEqual([l["status"] for l in launches[name]], ["ok", "ok"], name)
        for name, (kind, part, signal_number) in FAULTS.items():
            self.assertEqual([l["status"] for l in launches[name]], ["failed", "failed"], name)
            for launch in launches[name]:
                failure = launch["failure"]
                self.assertEqual(failure["kind"], kind, f"{name}: {failure}")
                self.assertIn(part, failure["reason"], name)
                self.assertEqual(failure.get("signal"), signal_number, name)
                self.assertEqual(launch["samples"], [], name)
                self.assertIn(part, done.stderr)
        self.assertIsNone(record["run"]["interrupted"])
        self.assertIsNotNone(record["run"]["finished_utc"])
        self.check_loads()

    def test_peers_are_timed_from_their_release_to_the_end_of_the_last(self):
        subprocess.run(self.command(["fault-slow-peers"], 1), env=self.environment,
                       capture_output=True, check=False, timeout=60)
        sample = self.record()["launches"][0]["samples"][0]
        touch = sample["phases"]["touch"]
        self.assertEqual([peer["peer"] for peer in sample["peers"]], [0, 1])
        for peer in sample["peers"]:
            alone = peer["phases"]["touch"]["elapsed_ns"]
            self.assertGreaterEqual(alone, 300_000_000)
            self.assertLessEqual(peer["start_skew_ns"] + alone, sample["elapsed_ns"])
        self.assertEqual(touch["elapsed_ns"], sample["elapsed_ns"])
        self.assertEqual(touch["entries"], 2)
        # Both peers' switches are in the sum, and each slept once at least.
        self.assertGreaterEqual(touch["counters"]["rusage_voluntary_switches"], 2)
        self.assertIn("unavailable", sample["cpu_ns"])
        self.assertEqual(sample["bytes"], 1 << 20)
        self.assertEqual(sample["items"], 2)
        self.assertEqual(sample["checksum"], "0x0000000000000003")

    def test_one_bad_peer_of_256_is_named_and_none_is_left(self):
        for workload in ("fault-dying-peer", "fault-failing-peer"):
            command = [PROGRAM, "run", "-w", workload, "-e", "mmap", "-c", "warm", "-p", "peers=256",
                       "--size", "1MiB", "--launches", "1", "--seed", "1", "--out",
                       os.path.join(self.folder, workload), "--data-dir",
                       os.path.join(self.folder, "data")]
            done = subprocess.run(command, env=self.environment, capture_output=True, text=True,
                                  check=False, timeout=120)
            self.assertEqual(done.returncode, 4, done.stderr)
            self.assertIn("of 256", done.stderr)
            self.assertIn(FAULTS[workload][1].replace(" of 3", " of 256"), done.stderr)
            self.assertEqual(self.processes(), [])

    def test_256_peers_share_the_work_and_each_accounts_for_its_part(self):
        command = [PROGRAM, "run", "-w", "multiprocess", "-e", "mmap", "-c", "warm", "-p",
                   "processes=256", "--size", "4MiB", "--launches", "1", "--seed", "1", "--out",
                   self.out, "--data-dir", os.path.join(self.folder, "data")]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True,
                              check=False, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.processes(), [])
        for sample in self.record()["launches"][0]["samples"]:
            peers = sample["peers"]
            self.assertEqual([peer["peer"] for peer in peers], list(range(256)))
            self.assertEqual(sum(peer["bytes"] for peer in peers), sample["bytes"])
            self.assertEqual(sample["bytes"], 4 << 20)
            self.assertEqual({peer["bytes"] for peer in peers}, {(4 << 20) // 256})
            self.assertEqual(sum(peer["items"] for peer in peers), sample["items"])
            for peer in peers:
                touch = peer["phases"]["touch"]
                self.assertLessEqual(peer["start_skew_ns"] + touch["elapsed_ns"],
                                     sample["elapsed_ns"])
                self.assertGreaterEqual(touch["counters"]["rusage_minor_faults"], 1)
        self.check_loads()

    def interrupt(self, signal_number, expected):
        process = self.start(["sequential", "fault-slow-peers"], 40)
        # The second save of the record comes with finished launches in it.
        path = os.path.join(self.out, "results.json")
        self.wait_for(lambda: os.path.exists(path) and self.record()["launches"], "a launch", 30)
        finished = len(self.record()["launches"])
        process.send_signal(signal_number)
        asked = time.monotonic()
        process.wait(timeout=30)
        took = time.monotonic() - asked
        self.assertEqual(self.processes(), [])
        record = self.record()
        self.assertEqual(record["run"]["interrupted"], expected)
        self.assertGreaterEqual(len(record["launches"]), finished)
        self.assertLess(len(record["launches"]), 80)
        self.assertEqual([l["failure"] for l in record["launches"] if l["failure"]], [])
        self.assertIsNotNone(record["run"]["finished_utc"])
        self.assertEqual(process.returncode, 4)
        self.check_loads()
        # Who interrupts does not wait for pictures.
        page = os.path.join(self.out, "report.html")
        self.assertFalse(os.path.exists(page))
        subprocess.run([PROGRAM, "report", self.out, "-q"], env=self.environment, check=True)
        self.assertTrue(os.path.exists(page))
        return took

    def test_sigint_keeps_the_finished_launches(self):
        self.interrupt(signal.SIGINT, "SIGINT")

    def test_sigterm_keeps_the_finished_launches(self):
        self.interrupt(signal.SIGTERM, "SIGTERM")

    def test_a_hanging_worker_does_not_hold_up_the_end(self):
        process = self.start(["fault-hanging"], 40)
        self.wait_for(lambda: len(self.processes()) >= 2, "the worker")
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        # Its own limit is three seconds; all forty would take two minutes.
        process.wait(timeout=30)
        self.assertEqual(self.processes(), [])
        record = self.record()
        self.assertEqual(record["run"]["interrupted"], "SIGINT")
        self.assertLess(len(record["launches"]), 10)

    def test_an_injected_delay_is_in_the_measured_time(self):
        subprocess.run(self.command(["fault-slow-peers"], 1), env=self.environment,
                       capture_output=True, check=False, timeout=60)
        record = self.record()
        ours, theirs = socket.socketpair()
        worker = subprocess.Popen([PROGRAM, "worker", "--channel", str(theirs.fileno())],
                                  pass_fds=[theirs.fileno()], env=self.environment)
        theirs.close()
        with ours, ours.makefile("rw", encoding="utf-8") as channel:
            def ask(**request):
                print(json.dumps(request), file=channel, flush=True)
                return json.loads(channel.readline())
            prepared = ask(do="prepare", protocol=1, case=record["cases"][0],
                           file=record["files"][0], launch_seed="0x0000000000000001")
            self.assertTrue(prepared["ok"])
            answer = ask(do="sample", seed="0x0000000000000001", iterations=1,
                         inject={"delay_share": 1.0})
            # 300 ms of sleep, and as much again.
            self.assertGreaterEqual(answer["sample"]["elapsed_ns"], 600_000_000)
            self.assertTrue(ask(do="finish")["ok"])
        self.assertEqual(worker.wait(timeout=30), 0)

    def test_no_worker_outlives_a_killed_campaign(self):
        for workload, count in (("fault-hanging", 2), ("fault-dying-peer", 2)):
            with self.subTest(workload=workload):
                process = self.start([workload], 40)
                self.wait_for(lambda n=count: len(self.processes()) >= n, "the worker")
                process.kill()
                process.wait(timeout=30)
                self.wait_for(lambda: not self.processes(), "the end of the workers")
                shutil.rmtree(self.out, ignore_errors=True)

    def test_peers_do_not_outlive_a_killed_worker(self):
        process = self.start(["fault-slow-peers"], 2)
        # The campaign, the worker, its two peers.
        self.wait_for(lambda: len(self.processes()) == 4, "the peers")
        workers = [pid for pid in self.processes() if parent_of(pid) == process.pid]
        self.assertEqual(len(workers), 1)
        peers = [pid for pid in self.processes() if parent_of(pid) == workers[0]]
        self.assertEqual(len(peers), 2)
        os.kill(workers[0], signal.SIGKILL)
        process.wait(timeout=60)
        self.assertEqual(self.processes(), [])
        self.assertEqual(process.returncode, 4)
        kinds = [l["failure"] and l["failure"]["kind"] for l in self.record()["launches"]]
        self.assertEqual(kinds.count("killed"), 1)
        self.assertEqual(kinds.count(None), 1)


def parent_of(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stream:
            return int(stream.read().rsplit(")", 1)[1].split()[1])
    except OSError:
        return None


if __name__ == "__main__":
    PROGRAM = os.path.abspath(sys.argv.pop(1))
    unittest.main()
