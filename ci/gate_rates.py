"""What ci/gate-rates does after the build: live gates of equal sides and of injected slowdowns, each kept
with all its scores, and what all that were kept say. The statistics are the gate's own, in C."""
import argparse
import datetime
import fcntl
import json
import lzma
import os
import secrets
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import gate_rates_report

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
FOLDER = os.path.join(ROOT, "results", "gate-rates")
SMALL = ("-e", "mmap", "-c", "warm", "--size", "4MiB")
# What is slowed down, and the metric that must say so.
KINDS = {
    "sequential": (("-w", "sequential", *SMALL), "time"),
    "random": (("-w", "random", "-p", "operations=20000", *SMALL), "time"),
    # One element a page: nearly all of the time is that of the faults.
    "minor-faults": (("-w", "strided", "-p", "stride-bytes=4KiB", *SMALL), "time"),
    "flush": (("-w", "chunked", "-p", "chunk=256KiB", "-p", "flush-every=4", *SMALL), "time"),
    "faults": (("-w", "sequential", *SMALL), "minor_faults"),
}
STRESS = ("stress-ng", "--quiet", "--cpu", "1", "--taskset", "0")
# A load average of others, and a share of all processors' time, above which nothing is measured.
LOAD_LIMIT = 0.5
BUSY_LIMIT = 0.1
QUIET_WAIT_S = 600
VERDICTS = ("pass", "regressed", "inconclusive", "failed")
EPILOG = """\
Ends after the present suite on SIGINT or SIGTERM, or when the file `stop` is made in the folder of the
results; on a second signal at once. A suite that did not end leaves nothing. `faults` takes 0 or 100
percent of the pages, each with one fault more, outside of the clock. Exit codes: 0; 1 what was asked for
could not be measured; 2 wrong usage."""


class Stop:
    """Asked for by a signal or by a file; the second signal ends the suite as well."""

    def __init__(self, folder):
        self.file = os.path.join(folder, "stop")
        self.signals = 0
        self.child = None
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.note)

    def note(self, *unused):
        self.signals += 1
        if self.signals > 1 and self.child is not None:
            self.child.terminate()

    def asked(self):
        if os.path.exists(self.file):
            os.unlink(self.file)
            self.signals = max(self.signals, 1)
        return self.signals > 0


def processor_ticks():
    """(all, idle) of /proc/stat since the boot."""
    with open("/proc/stat", encoding="ascii") as stream:
        ticks = [int(word) for word in stream.readline().split()[1:9]]
    return sum(ticks), ticks[3] + ticks[4]


def busy_share(seconds=1.0):
    """Of all processors' time, what others use while this process waits."""
    before = processor_ticks()
    time.sleep(seconds)
    after = processor_ticks()
    return 1 - (after[1] - before[1]) / max(after[0] - before[0], 1)


def wait_for_quiet(stop):
    """The busy share once it is low, or None."""
    deadline = time.monotonic() + QUIET_WAIT_S
    while not stop.asked() and time.monotonic() < deadline:
        share = busy_share()
        if share <= BUSY_LIMIT:
            return share
    return None


def check_load(loaded):
    load = os.getloadavg()[0]
    print(f"load average: {load:.2f}")
    if load > LOAD_LIMIT and not loaded:
        sys.exit(f"ci/gate-rates: the load average is above {LOAD_LIMIT}: wait until nothing else runs, or "
                 "say --loaded, which keeps the suites apart")


def of_the_dead(command):
    """The command so that it ends with this process, however that ends."""
    return ["setpriv", "--pdeathsig", "TERM", *command]


def shortened(document):
    """The record of a gate without what is long and says nothing here, and without names of this host."""
    gate = {key: value for key, value in document["gate"].items()
            if key not in ("command", "suite_path")}
    for side in ("base", "head"):
        gate[side] = {"kind": gate[side]["kind"], "digest": gate[side].get("digest")}
    environment = {key: value for key, value in document["environment"].items() if key != "hostname"}
    benchmarks = [{key: value for key, value in benchmark.items() if key != "case"}
                  for benchmark in document["benchmarks"]]
    return {"schema": document["schema"], "gate": gate, "environment": environment,
            "benchmarks": benchmarks}


def run_gate(options, stop, arguments):
    """(record, exit code, seconds) of a gate with a fresh seed; record None: there is no verdict."""
    with tempfile.TemporaryDirectory(prefix="gate-rates-") as folder:
        out = os.path.join(folder, "out")
        started = time.monotonic()
        command = [options.program, "gate", *arguments, "--seed", hex(secrets.randbits(63)),
                   "--calibration", "none", "--out", out, "--quiet"]
        with subprocess.Popen(of_the_dead(command), cwd=folder, start_new_session=True,
                              stderr=subprocess.PIPE, text=True) as stop.child:
            said = stop.child.communicate()[1]
        exit_code = stop.child.returncode
        stop.child = None
        seconds = time.monotonic() - started
        try:
            with open(os.path.join(out, "results.json"), encoding="utf-8") as stream:
                document = json.load(stream)
        except FileNotFoundError:
            sys.exit(f"ci/gate-rates: the gate measured nothing: {said.strip()}")
        if document["gate"]["verdict"] not in VERDICTS:
            return None, exit_code, seconds
        return shortened(document), exit_code, seconds


def keep(folder, kind, entry):
    """Writes one file with a name that no other has; either all of it or none."""
    date = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    name = f"{kind}-{date}-{entry['record']['gate']['seed'][2:10]}.json.xz"
    text = json.dumps(entry, separators=(",", ":")).encode()
    partial = tempfile.NamedTemporaryFile(dir=folder, prefix=".partial-", delete=False)
    try:
        with partial:
            partial.write(lzma.compress(text))
            partial.flush()
            os.fsync(partial.fileno())
        os.chmod(partial.name, 0o644)
        os.link(partial.name, os.path.join(folder, name))
    finally:
        os.unlink(partial.name)
    descriptor = os.open(folder, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)
    return name


def measure(options, stop, kind, arguments, quiet, facts, describe):
    """Up to options.count gates, one after the other; how many were kept."""
    kept = 0
    while kept < options.count and not stop.asked():
        busy = wait_for_quiet(stop) if quiet else busy_share()
        if busy is None:
            if not stop.asked():
                print(f"ci/gate-rates: others used the processors for {QUIET_WAIT_S} s", file=sys.stderr)
            break
        load = os.getloadavg()[0]
        record, exit_code, seconds = run_gate(options, stop, arguments)
        if record is None:
            print("ci/gate-rates: the gate came to no verdict; nothing is kept of it", file=sys.stderr)
            break
        entry = {"schema": {"name": "mapmeter.gate-rates", "version": 1}, "kind": kind, **facts(record),
                 "exit_code": exit_code, "seconds": round(seconds, 2), "busy_before": round(busy, 4),
                 "load_before": round(load, 2), "load_after": round(os.getloadavg()[0], 2),
                 "record": record}
        name = keep(options.folder, kind, entry)
        kept += 1
        print(f"{kept} of {options.count}: {describe(entry)}, {seconds:.1f} s, {name}", flush=True)
    return kept


def describe_suite(entry):
    benchmarks = entry["record"]["benchmarks"]
    verdicts = [metric["verdict"] for benchmark in benchmarks for metric in benchmark["metrics"].values()]
    counts = ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in sorted(set(verdicts)))
    return f"{entry['record']['gate']['verdict']} ({counts})"


def live_suites(options, stop, kind, stress):
    sides = ["--base", options.program, "--head", options.program, "--suite", options.suite]
    if options.settings:
        sides += ["--settings", options.settings]
    return measure(options, stop, kind, sides, kind == "aa", lambda record: {"stress": stress},
                   describe_suite)


def do_aa(options, stop):
    check_load(options.loaded)
    return live_suites(options, stop, "loaded" if options.loaded else "aa", None)


def do_loaded(options, stop):
    if shutil.which(STRESS[0]) is None:
        sys.exit("ci/gate-rates: stress-ng is missing; ci/install rates installs it")
    check_load(True)
    with subprocess.Popen(of_the_dead(STRESS), start_new_session=True) as stress:
        try:
            return live_suites(options, stop, "loaded", " ".join(STRESS))
        finally:
            stress.terminate()


def do_selftest(options, stop):
    cases, metric = KINDS[options.what]
    if options.what == "faults" and options.percent not in (0, 100):
        sys.exit("ci/gate-rates: faults: write 0 or 100 percent of the pages")
    check_load(options.loaded)
    share = "faults" if options.what == "faults" and options.percent else \
        f"{0 if options.what == 'faults' else options.percent:g}%"
    settings = options.settings or os.path.join(ROOT, "ci", "gate-rates.yaml")

    def facts(record):
        verdicts = [benchmark["metrics"].get(metric, {}).get("verdict")
                    for benchmark in record["benchmarks"]]
        return {"injected": {"kind": options.what, "percent": options.percent, "metric": metric},
                "quiet": not options.loaded, "detected": verdicts == ["REGRESSED"]}

    return measure(options, stop, "selftest", ["selftest", share, *cases, "--settings", settings],
                   not options.loaded, facts,
                   lambda entry: f"{options.what} {options.percent:g} % "
                   + ("detected" if entry["detected"] else "not detected"))


def count(text):
    value = int(text)
    if not 1 <= value <= 10**9:
        raise ValueError(text)
    return value


def percentage(text):
    value = float(text)
    if not 0 <= value <= 100:
        raise ValueError(text)
    return value


def parse():
    parser = argparse.ArgumentParser(
        prog="ci/gate-rates", description="How often the regression gate is wrong here: live suites of "
        "equal sides, live selftests, and what can be drawn from their scores. Builds preset release first.",
        epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=os.path.join(ROOT, "build", "release", "mapmeter"),
                        help=argparse.SUPPRESS)
    parser.add_argument("--statistics", help=argparse.SUPPRESS,
                        default=os.path.join(ROOT, "build", "release", "mapmeter_gate_rates"))
    parser.add_argument("--folder", default=FOLDER, help="of what is kept (results/gate-rates)")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name, **arguments):
        command = commands.add_parser(name, description=arguments["help"], **arguments)
        return command

    for name, text in (("aa", "N live suites with the same program on both sides"),
                       ("loaded", "the same beside stress-ng on one processor")):
        command = add(name, help=text)
        command.add_argument("count", type=count, metavar="N")
        command.add_argument("--suite", default="ci", help="name or file (ci)")
        command.add_argument("--settings", help="file with numbers of the gate (its defaults)")
        if name == "aa":
            command.add_argument("--loaded", action="store_true",
                                 help="although others run; kept apart")
    command = add("selftest", help="N live selftests with an injected slowdown")
    command.add_argument("what", choices=KINDS, metavar="KIND", help=", ".join(KINDS))
    command.add_argument("percent", type=percentage, metavar="PERCENT")
    command.add_argument("count", type=count, metavar="N")
    command.add_argument("--settings", help="file with numbers of the gate (ci/gate-rates.yaml)")
    command.add_argument("--loaded", action="store_true", help="although others run")
    for name, text in (("resample", "whole suites drawn from the kept scores of equal sides"),
                       ("report", "README.md in the folder of what is kept, and the plot of the power")):
        command = add(name, help=text)
        if name == "resample":
            command.add_argument("suites", type=count, nargs="?", default=100000, metavar="SUITES")
            command.add_argument("--json", action="store_true", help="for machines")
        else:
            command.add_argument("--suites", type=int, default=100000,
                                 help="to draw as well (100000); 0: none")
            command.add_argument("--images", default=os.path.join(ROOT, "docs", "images"),
                                 help="folder of the plot (docs/images)")
        command.add_argument("--seed", type=count, default=1, help="of what is drawn (1)")
        command.add_argument("--revisions", help="only of these: a range of git such as v1..main")
    return parser.parse_args()


def main():
    options = parse()
    if options.command in ("resample", "report"):
        return gate_rates_report.run(options)
    options.program = os.path.abspath(options.program)
    os.makedirs(options.folder, exist_ok=True)
    lock = os.open(options.folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(f"ci/gate-rates: another one measures into {options.folder}")
    stop = Stop(options.folder)
    kept = {"aa": do_aa, "loaded": do_loaded, "selftest": do_selftest}[options.command](options, stop)
    return 0 if kept == options.count or (stop.signals == 1 and kept > 0) else 1


if __name__ == "__main__":
    sys.exit(main())
