"""Compares mapmeter's engines with fio on the same file: pread and direct, cold and warm.

fio fills its buffer and looks at nothing; mapmeter sums up every byte. What summing a block costs that
stands in the processor's cache is measured in the same rounds, by the engine memory over one block,
and added to fio's time. Each round runs every measurement once, in an order of its own; what is judged
is the median over the rounds of the ratio of throughputs, mapmeter / (fio + sum). Where the kernel
reads ahead, summing goes on while the device reads: what is right lies between fio and fio + sum, and
the ratio is to the nearer of the two, 1 in between. A median outside the
limits whose interval reaches into them is no answer: the machine was too noisy for these rounds.
"""
import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile

MIB = 1 << 20
GB = 1e9
UNITS = {"KiB": 1 << 10, "MiB": MIB, "GiB": 1 << 30}
COVERAGE = 0.95
WARM_PASSES = 3  # the samples of a warm launch of mapmeter

# Name, engine and cache state of mapmeter; engine of fio, and whether it is O_DIRECT. The first is
# read ahead by the kernel.
PAIRS = [
    ("pread, cold", "pread", "cold", "psync", False),
    ("pread, warm", "pread", "warm", "psync", False),
    ("direct, psync", "direct", "cold", "psync", True),
    ("direct, libaio", "direct", "cold", "libaio", True),
]

SUM_SUITE = """\
name: sum
cases:
  - workload: sequential
    engine: memory
    cache: warm
    size: {block}
    iterations: {blocks}
"""


def size(text):
    for unit, factor in UNITS.items():
        if text.endswith(unit):
            return int(text[:-len(unit)]) * factor
    return int(text)


def run(words, **options):
    done = subprocess.run(words, capture_output=True, text=True, check=False, **options)
    if done.returncode:
        sys.exit(f"ci/crosscheck: {words[0]} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout


class Bench:
    def __init__(self, options, folder):
        self.options = options
        self.folder = folder
        self.runs = 0
        self.file = self.make_file()

    def mapmeter(self, *arguments):
        """The mean pass of the launch in seconds, and the record."""
        out = os.path.join(self.folder, f"run-{self.runs}")
        self.runs += 1
        run([self.options.mapmeter, "run", *arguments, "-p", f"block={self.options.block}",
             "--launches", "1", "--data-dir", self.folder, "--out", out, "-q"])
        with open(os.path.join(out, "results.json"), encoding="utf-8") as stream:
            record = json.load(stream)
        shutil.rmtree(out)
        skipped = record["cases"][0]["skipped"]
        if skipped:
            print(f"ci/crosscheck: skip: {record['cases'][0]['name']}: {skipped}")
            sys.exit(77)
        samples = record["launches"][0]["samples"]
        seconds = statistics.mean(s["elapsed_ns"] / s["iterations"] for s in samples) * 1e-9
        return seconds, record

    def make_file(self):
        _, record = self.mapmeter("-w", "sequential", "-e", "pread", "-c", "warm", "--size",
                                  str(self.options.size))
        return record["files"][0]["path"]

    def time_mapmeter(self, engine, cache):
        further = ["-p", f"request-size={self.options.block}"] if engine == "direct" else []
        return self.mapmeter("-w", "sequential", "-e", engine, "-c", cache, "--size",
                             str(self.options.size), *further)[0]

    def time_sum(self):
        """Summing up the file's length in blocks that stand in the processor's cache."""
        blocks = self.options.size // self.options.block
        suite = os.path.join(self.folder, "sum.yaml")
        with open(suite, "w", encoding="utf-8") as stream:
            stream.write(SUM_SUITE.format(block=self.options.block, blocks=blocks))
        return self.mapmeter(suite)[0] * blocks

    def time_fio(self, engine, direct, warm):
        passes = WARM_PASSES if warm else 1
        if warm:
            with open(self.file, "rb", buffering=0) as stream:
                while stream.read(MIB):
                    pass
        # Without fadvise_hint=0 fio asks for twice the read-ahead; invalidate evicts the file.
        said = run(["fio", "--name=crosscheck", f"--filename={self.file}", "--readonly",
                    "--rw=read", f"--bs={self.options.block}", f"--size={self.options.size}",
                    f"--ioengine={engine}", "--iodepth=1", f"--direct={int(direct)}",
                    f"--invalidate={int(not warm)}", "--fadvise_hint=0", "--thread",
                    f"--loops={passes}", "--output-format=json"], cwd=self.folder)
        read = json.loads(said[said.index("{"):])["jobs"][0]["read"]
        if read["io_bytes"] != passes * self.options.size:
            sys.exit(f"ci/crosscheck: fio read {read['io_bytes']} bytes in {passes} passes of "
                     f"{self.options.size}")
        # runtime has whole milliseconds; one request at a time is in flight, so the sum of the
        # latencies is the same in nanoseconds.
        return read["lat_ns"]["mean"] * read["total_ios"] / passes * 1e-9

    def round(self, order):
        """Seconds of each side of each pair, and of the sum."""
        jobs = {("sum",): self.time_sum}
        for name, engine, cache, fio, direct in PAIRS:
            jobs["mapmeter", engine, cache] = lambda e=engine, c=cache: self.time_mapmeter(e, c)
            jobs["fio", name] = lambda f=fio, d=direct, c=cache: self.time_fio(f, d, c == "warm")
        names = sorted(jobs)
        order.shuffle(names)
        return {name: jobs[name]() for name in names}


def median_interval(values):
    """Exact, from order statistics; None with too few values."""
    ordered = sorted(values)
    count = len(ordered)
    best = None
    below = 0.0
    term = 0.5 ** count
    for rank in range(count // 2):
        below += term
        if 1 - 2 * below < COVERAGE:
            break
        best = (ordered[rank], ordered[count - 1 - rank])
        term = term * (count - rank) / (rank + 1)
    return best


def show(values, scale=1.0, digits=2):
    interval = median_interval(values)
    text = f"{statistics.median(values) * scale:.{digits}f}"
    if interval:
        text += f" ({interval[0] * scale:.{digits}f} to {interval[1] * scale:.{digits}f})"
    return text


def judge(ratios, within):
    """"agrees", "differs" or "unclear"."""
    low, high = 1 / (1 + within), 1 + within
    if low <= statistics.median(ratios) <= high:
        return "agrees"
    interval = median_interval(ratios)
    return "differs" if interval and (interval[0] > high or interval[1] < low) else "unclear"


def report(rounds, options):
    """Prints the table; the verdicts of the pairs."""
    verdicts = []
    print(f"{options.size // MIB} MiB in blocks of {options.block >> 10} KiB, {len(rounds)} rounds; "
          "GB/s, median (95 % interval)")
    line = "{:<16}{:>23}{:>23}{:>23}{:>26}  {}"
    print(line.format("", "mapmeter", "fio", "fio + sum", "ratio", ""))
    for name, engine, cache, _, direct in PAIRS:
        ours = [options.size / r["mapmeter", engine, cache] for r in rounds]
        theirs = [options.size / r["fio", name] for r in rounds]
        summed = [options.size / (r["fio", name] + r["sum",]) for r in rounds]
        read_ahead = cache == "cold" and not direct
        ratios = [a / (min(max(a, s), t) if read_ahead else s)
                  for a, s, t in zip(ours, summed, theirs)]
        verdicts.append(judge(ratios, options.within))
        print(line.format(name, show(ours, 1 / GB), show(theirs, 1 / GB), show(summed, 1 / GB),
                          show(ratios, 1, 3), verdicts[-1]).rstrip())
    return verdicts


def main():
    parser = argparse.ArgumentParser(
        prog="ci/crosscheck", description=__doc__,
        epilog="Exit codes: 0 all pairs agree; 1 a pair differs; 2 wrong usage; 77 no answer: a pair "
               "is unclear, or fio or a cache state is not to be had here.",
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mapmeter", default=os.environ.get("MAPMETER", "mapmeter"),
                        help="the program (ci/crosscheck builds it)")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--size", type=size, default=256 * MIB, metavar="SIZE",
                        help="of the file, such as 256MiB")
    parser.add_argument("--block", type=size, default=MIB, metavar="SIZE")
    parser.add_argument("--dir", default=os.environ.get("TMPDIR", "/var/tmp"),
                        help="where the file is made and removed")
    parser.add_argument("--within", type=float, default=0.15, metavar="SHARE",
                        help="how far apart the medians may be (0.15)")
    options = parser.parse_args()
    if options.rounds < 1 or options.block < 4096 or options.size % options.block:
        parser.error("--rounds from 1, --block from 4KiB, and --size a multiple of --block")
    if not shutil.which("fio"):
        print("ci/crosscheck: skip: fio is not installed")
        sys.exit(77)
    order = random.Random(20261124)
    with tempfile.TemporaryDirectory(prefix="mapmeter-crosscheck-", dir=options.dir) as folder:
        bench = Bench(options, folder)
        rounds = []
        for number in range(options.rounds):
            rounds.append(bench.round(order))
            if sys.stderr.isatty():
                print(f"round {number + 1} of {options.rounds}", end="\r", file=sys.stderr)
    verdicts = report(rounds, options)
    if "unclear" in verdicts and "differs" not in verdicts:
        print("ci/crosscheck: skip: too noisy to tell; take more --rounds or a quiet machine")
        sys.exit(77)
    sys.exit(1 if "differs" in verdicts else 0)


main()
