"""What the kept suites of ci/gate-rates say: rates with exact bounds, live and drawn; a page and a plot."""
import glob
import json
import lzma
import os
import shutil
import statistics
import subprocess
import sys

CONFIDENCE = "0.95"
# One-sided at this each, so an interval of 95 % together.
HALF = "0.975"
PLOTTED = ("sequential", "random", "minor-faults", "flush")
WAYS = {"signs": "signs of each kept suite at random", "centred": "centre of each kept suite taken off"}
ASSUMED = """\
A drawn suite takes each pair of a benchmark, all its metrics together, from a kept suite chosen at random;
pairs are taken to be independent. "signs": the scores of a benchmark in a kept suite change their sign
together or not, at random, because either of two equal sides could have been called base. What the pairs
of one suite have in common is mixed in a drawn one, unless few suites are kept: of k all have the same sign
once in 2^(k-1), and chance alone then looks like a regression. "centred": the centre of each is taken off
first, which assumes that equal sides differ by nothing that stays throughout a suite. A metric that was 0
in a whole kept suite counts as 0 there."""


def load(folder, revisions):
    """The kept entries by time. A range of git keeps those of its revisions."""
    wanted = None
    if revisions:
        listed = subprocess.run(["git", "rev-list", "--end-of-options", revisions], capture_output=True,
                                text=True, check=False,
                                cwd=os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
        if listed.returncode:
            sys.exit(f"ci/gate-rates: --revisions {revisions}: {listed.stderr.strip()}")
        wanted = listed.stdout.split()
    entries = []
    for path in sorted(glob.glob(os.path.join(glob.escape(folder), "*.json.xz"))):
        try:
            with lzma.open(path, "rt", encoding="utf-8") as stream:
                entry = json.load(stream)
            if entry["schema"] != {"name": "mapmeter.gate-rates", "version": 1}:
                raise ValueError("another schema")
        except (lzma.LZMAError, EOFError, ValueError, KeyError, TypeError) as error:
            sys.exit(f"ci/gate-rates: {path}: is no kept suite ({error}); remove it")
        revision = revision_of(entry)
        if wanted is None or any(full.startswith(revision.split("-")[0]) for full in wanted):
            entries.append(entry)
    return sorted(entries, key=lambda entry: entry["record"]["gate"]["started_utc"])


def revision_of(entry):
    return entry["record"]["gate"]["mapmeter"].get("revision") or "unknown"


def grouped(entries, key):
    groups = {}
    for entry in entries:
        groups.setdefault(key(entry), []).append(entry)
    return groups


def suite_key(entry):
    """What may be taken together: the machine, what ran beside, the suite, and the gate's numbers."""
    record = entry["record"]
    return (record["environment"]["fingerprint"], entry["kind"], entry["stress"] or "",
            record["gate"]["suite"], json.dumps(record["gate"]["settings"], sort_keys=True))


def verdicts_of(entry):
    return [metric["verdict"] for benchmark in entry["record"]["benchmarks"]
            for metric in benchmark["metrics"].values()]


class Statistics:
    """The program with the gate's own functions."""

    def __init__(self, program):
        self.program = program

    def start(self, *arguments):
        return subprocess.Popen([self.program, *arguments], stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, text=True)

    def bounds(self, confidence, counts):
        if not counts:
            return []
        with self.start("bounds", confidence) as process:
            text = process.communicate(json.dumps(counts))[0]
        if process.returncode:
            sys.exit("ci/gate-rates: no bounds could be had")
        return json.loads(text)

    def resample(self, way, scores, suites, seed):
        """Shared out among the processors; the sums of what each of them counted."""
        parts = max(min(len(os.sched_getaffinity(0)), suites), 1)
        shares = [suites // parts + (part < suites % parts) for part in range(parts)]
        text = json.dumps(scores)
        processes = [self.start("resample", way, str(share), str(seed * 1000 + part))
                     for part, share in enumerate(shares)]
        for process in processes:
            process.stdin.write(text)
            process.stdin.close()
        sums = {}
        for process in processes:
            with process:
                found = process.stdout.read()
            if process.returncode:
                sys.exit("ci/gate-rates: no suites could be drawn")
            for key, value in json.loads(found).items():
                sums[key] = sums.get(key, 0) + value
        return sums


def scores_of(entries):
    """What the program draws from: of every benchmark its rules, and the scores of each kept suite."""
    benchmarks = {}
    for entry in entries:
        for benchmark in entry["record"]["benchmarks"]:
            if benchmark["failure"] is None and benchmark["pairs"]:
                kept = benchmarks.setdefault(benchmark["name"], {"metrics": {}, "sets": []})
                for name, metric in benchmark["metrics"].items():
                    kept["metrics"].setdefault(name, {key: metric[key]
                                                      for key in ("margin", "minimum", "target")})
                kept["sets"].append((len(benchmark["pairs"]), benchmark["metrics"]))
    made = []
    for kept in benchmarks.values():
        names = sorted(kept["metrics"])
        sets = []
        for pairs, metrics in kept["sets"]:
            columns = [metrics[name]["scores"] if name in metrics else [0.0] * pairs for name in names]
            sets.append([list(row) for row in zip(*columns)])
        if names:
            made.append({"rules": [kept["metrics"][name] for name in names], "sets": sets})
    return {"settings": entries[0]["record"]["gate"]["settings"], "benchmarks": made}


def draw(tool, entries, suites, seed):
    """way -> what was counted in so many drawn suites."""
    scores = scores_of(entries)
    return {way: tool.resample(way, scores, suites, seed) for way in WAYS} if scores["benchmarks"] else {}


def span(entries):
    """First and last day and revision."""
    days = [entry["record"]["gate"]["started_utc"][:10] for entry in entries]
    revisions = list(dict.fromkeys(revision_of(entry)[:12] for entry in entries))
    ends = revisions if len(revisions) < 3 else [revisions[0], "…", revisions[-1]]
    return " to ".join(dict.fromkeys((days[0], days[-1]))), " ".join(ends)


def live_row(entries):
    suite_verdicts = [entry["record"]["gate"]["verdict"] for entry in entries]
    verdicts = [verdict for entry in entries for verdict in verdicts_of(entry)]
    return {"suites": len(entries), "alarms": suite_verdicts.count("regressed"),
            "inconclusive_suites": suite_verdicts.count("inconclusive"),
            "failed_suites": suite_verdicts.count("failed"),
            "verdicts": len(verdicts), "inconclusive": verdicts.count("INCONCLUSIVE"),
            "seconds": statistics.median(entry["seconds"] for entry in entries)}


def suite_rows(options, tool, entries, suites):
    """One dict a group and source (live, or drawn in some way), with the bounds of its alarms."""
    rows = []
    for key, group in grouped([entry for entry in entries if entry["kind"] != "selftest"],
                              suite_key).items():
        days, revisions = span(group)
        facts = {"machine": key[0], "kind": key[1], "stress": key[2], "suite": key[3], "days": days,
                 "revisions": revisions, "kept": len(group)}
        rows.append({**facts, "source": "live", **live_row(group)})
        for way, found in (draw(tool, group, suites, options.seed) if suites else {}).items():
            rows.append({**facts, "source": f"drawn, {way}", **found})
    bounds = tool.bounds(CONFIDENCE, [[row["alarms"], row["suites"]] for row in rows])
    return [{**row, "alarms_at_most": bound[1]} for row, bound in zip(rows, bounds)]


def selftest_rows(tool, entries):
    tests = [entry for entry in entries if entry["kind"] == "selftest" and entry["quiet"]]
    groups = grouped(tests, lambda entry: (entry["record"]["environment"]["fingerprint"],
                                           entry["injected"]["kind"], entry["injected"]["percent"]))
    rows = []
    for key, group in sorted(groups.items()):
        metric = group[0]["injected"]["metric"]
        effects = [benchmark["metrics"][metric]["effect"] for entry in group
                   for benchmark in entry["record"]["benchmarks"]
                   if "effect" in benchmark["metrics"].get(metric, {})]
        rows.append({"machine": key[0], "injected": key[1], "percent": key[2], "runs": len(group),
                     "found": sum(entry["detected"] for entry in group),
                     "effect": statistics.median(effects) if effects else None,
                     "seconds": statistics.median(entry["seconds"] for entry in group)})
    counts = [[row["found"], row["runs"]] for row in rows]
    single = tool.bounds(CONFIDENCE, counts)
    both = tool.bounds(HALF, counts)
    return [{**row, "bounds": bounds, "interval": pair} for row, bounds, pair in zip(rows, single, both)]


def percent(value, digits=2):
    return f"{100 * value:.{digits}f} %"


def bound(value):
    return f"{100 * value:.2g} %"


def share(part, whole):
    return percent(part / whole) if whole else "–"


def print_rows(rows):
    for row in rows:
        print(f"machine {row['machine']}, suite {row['suite']}, {row['kind']}"
              + (f" beside {row['stress']}" if row["stress"] else "")
              + f", {row['days']}, revisions {row['revisions']}, {row['source']} "
              f"(from {row['kept']} live suites):")
        print(f"  {row['suites']} suites, {row['alarms']} with a false alarm (rate at most "
              f"{bound(row['alarms_at_most'])} at 95 %), {row['inconclusive_suites']} inconclusive; "
              f"{share(row['inconclusive'], row['verdicts'])} of the verdicts inconclusive")
    print(ASSUMED)


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |",
             "| " + " | ".join("---" if place < 2 else "---:" for place in range(len(head))) + " |"]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]) + "\n"


def machines(entries):
    rows = {}
    for entry in entries:
        environment = entry["record"]["environment"]
        facts = (environment["cpu_model"], environment["cpus_online"], environment["kernel"],
                 environment["virtualisation"])
        rows[environment["fingerprint"]] = [value if isinstance(value, (str, int)) else "unknown"
                                            for value in facts]
    return [[name, *[str(fact).replace("|", "\\|") for fact in facts]] for name, facts in rows.items()]


def page(entries, suites, tests):
    text = ["# How often the gate is wrong\n", "Made by `ci/gate-rates report` from the files of this "
            "folder; docs/gate.md says what they are.\n", "## Machines\n",
            table(["machine", "processor", "processors", "kernel", "virtualisation"], machines(entries))]
    if suites:
        text += ["## Equal sides\n", table(
            ["suite", "what", "revisions", "days", "suites", "false alarms", "rate, 95 % bound",
             "inconclusive suites", "inconclusive verdicts", "failed", "seconds a suite"],
            [[f"{row['suite']} on {row['machine']}", " ".join(filter(None, (
                row["kind"], row["stress"], f"({row['source']})"))), row["revisions"], row["days"],
              row["suites"], row["alarms"], "≤ " + bound(row["alarms_at_most"]),
              share(row["inconclusive_suites"], row["suites"]),
              share(row["inconclusive"], row["verdicts"]), row.get("failed_suites", "–"),
              f"{row['seconds']:.0f}" if "seconds" in row else "–"] for row in suites]),
            "`aa` is measured with nothing beside it. `live` are whole suites that ran; `drawn` are none.\n",
            ASSUMED + "\n"]
    if tests:
        text += ["## Injected slowdowns\n", table(
            ["what", "on", "injected", "found", "of", "share, 95 % bound", "median estimate",
             "seconds a selftest"],
            [[row["injected"], row["machine"], f"{row['percent']:g} %", row["found"], row["runs"],
              # Of nothing injected all that is found is a false alarm.
              "≥ " + percent(row["bounds"][0], 1) if row["percent"] else "≤ " + bound(row["bounds"][1]),
              "–" if row["effect"] is None else percent(row["effect"], 1), f"{row['seconds']:.1f}"]
             for row in tests]),
            "One benchmark alone, at the level that the only regression among fifty verdicts needs "
            "(ci/gate-rates.yaml). `faults`: that share of the pages has one fault more, outside of the "
            "clock.\n"]
    return "\n".join(text)


def write(path, text):
    partial = path + ".partial"
    with open(partial, "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(partial, path)


def plot(tests, folder):
    """gate-power.svg with its data; of the machine with most selftests."""
    runs = {}
    for row in tests:
        runs[row["machine"]] = runs.get(row["machine"], 0) + row["runs"]
    machine = max(runs, key=runs.get, default=None)
    blocks = []
    for kind in PLOTTED:
        rows = [row for row in tests if row["machine"] == machine and row["injected"] == kind]
        if rows:
            blocks.append(f'"{kind}"\n' + "".join(
                f"{row['percent']:g} {row['found'] / row['runs']:.6g} {row['interval'][0]:.6g} "
                f"{row['interval'][1]:.6g}\n" for row in rows))
    if not blocks:
        print("no selftest was kept: no plot")
        return
    os.makedirs(folder, exist_ok=True)
    write(os.path.join(folder, "gate-power.dat"), "\n\n".join(blocks))
    template = os.path.join(os.path.dirname(os.path.realpath(__file__)), "gate-power.gp")
    if shutil.which("gnuplot") is None:
        print("gnuplot is missing: no plot")
        return
    subprocess.run(["gnuplot", template], cwd=folder, check=True)
    print(os.path.join(folder, "gate-power.svg"))


def run(options):
    tool = Statistics(options.statistics)
    entries = load(options.folder, options.revisions)
    if not entries:
        sys.exit(f"ci/gate-rates: nothing is kept in {options.folder}; measure with ci/gate-rates aa N")
    suites = suite_rows(options, tool, entries, options.suites)
    if options.command == "resample":
        if not suites:
            sys.exit(f"ci/gate-rates: no suites of equal sides in {options.folder}")
        print(json.dumps(suites, indent=1)) if options.json else print_rows(suites)
        return 0
    tests = selftest_rows(tool, entries)
    path = os.path.join(options.folder, "README.md")
    write(path, page(entries, suites, tests))
    print(path)
    plot(tests, options.images)
    return 0
