"""Compares libmarray with what else a program could do: see ci/peers."""
import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
from contextlib import nullcontext
from math import comb

sys.dont_write_bytecode = True
import cold  # noqa: E402
import document  # noqa: E402
import fio_peer  # noqa: E402
import limit  # noqa: E402
import scaling  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
MIB = 1 << 20
GIB = 1 << 30
# Runs of every setting before the rounds; the fastest of them is then the one that is compared.
PILOTS = 3


class Peer:
    """One other way: name is who, settings what is tried."""

    def __init__(self, name, work, settings, options=None, divisor=1, yardstick=False):
        self.name = name
        self.work = work
        self.settings = settings
        self.options = options or {}
        self.divisor = divisor  # of the time, where it does fewer or more elements
        self.yardstick = yardstick  # moves as many bytes, to another result


def numpy_peer(work, *settings, **options):
    return Peer("numpy", work, settings or ("plain",), options)


def c_peer(name, work, way, **options):
    return Peer(name, work, (way,), options)


def fio_works(work):
    return Peer("fio", work, tuple(fio_peer.settings_of(work)))


def kernel(ours, *others, written=False):
    """A loop over 64 MiB, or over a file of its own where it stores, so that all read the same."""
    return {"ours": ours, "state": "warm", "size": (96 if written else 64) * MIB,
            "others": list(others)}


def conversion(name):
    return kernel(c_peer("marray", "convert", name),
                  Peer("memcpy of as many bytes", "convert", (f"{name}-bare",), yardstick=True),
                  numpy_peer(f"convert-{name}", "astype", "copyto"))


def catalogue(size):
    """title -> what libmarray does, from which state, and the others. size: of the large file."""
    # Rows of a square matrix of so many bytes begin at pages, as direct I/O wants them.
    matrix = max(side for side in (32 * MIB, 512 * MIB, 2 * GIB) if side <= max(size, 32 * MIB))
    matrix_warm = min(matrix, 512 * MIB)
    count = max(2000, min(30000, size // (128 << 10)))
    few = 200_000
    # So many untimed elements before the others have come by more pages than the limit holds.
    limit_bytes = min(128 * MIB, size // 2)
    small = {"count": 10000, "before": limit_bytes // 4096 * 5 // 4}
    stores = {"count": min(100_000, size // 40960)}

    def scatter(state):
        return {"ours": c_peer("marray", "scatter", "marray", **stores), "state": state,
                "size": min(size, 2 * GIB), "varies": True,
                "others": [c_peer("bare map and msync", "scatter", "bare", **stores),
                           numpy_peer("scatter", **stores)]}

    return {
        "gather: cold random elements of 8 bytes": {
            "ours": c_peer("marray", "gather", "marray", count=count), "state": "cold",
            "size": size, "varies": True,
            "others": [c_peer("bare map, MADV_RANDOM", "gather", "bare", count=count),
                       numpy_peer("gather", "fancy-index", "random-advice", count=count),
                       Peer("fio", "gather", tuple(fio_peer.settings_of("gather")),
                            {"count": count})]},
        "gather: steady state, the file twice the memory limit": {
            "ours": c_peer("marray", "gather", "marray", **small), "state": "cold",
            "size": 2 * limit_bytes, "limit": limit_bytes, "varies": True,
            "others": [c_peer("bare map, MADV_RANDOM", "gather", "bare", **small)]},
        "column: cold, one element every 64 KiB": {
            "ours": c_peer("marray", "stride", "marray", step=65536), "state": "cold", "size": size,
            "others": [c_peer("bare map", "stride", "bare", step=65536),
                       numpy_peer("stride", step=65536),
                       Peer("fio", "stride", tuple(fio_peer.settings_of("stride")),
                            {"step": 65536})]},
        "stride: cold, one element every 1 MiB": {
            "ours": c_peer("marray", "stride", "marray", step=MIB), "state": "cold", "size": size,
            "others": [c_peer("bare map", "stride", "bare", step=MIB),
                       numpy_peer("stride", step=MIB),
                       Peer("fio", "stride", tuple(fio_peer.settings_of("stride")),
                            {"step": MIB})]},
        "stream: cold sum in order": {
            "ours": c_peer("marray", "stream", "marray"), "state": "cold", "size": size,
            "others": [c_peer("bare map, MADV_SEQUENTIAL", "stream", "bare"),
                       numpy_peer("stream", "chunks-1048576", "chunks-16777216"),
                       fio_works("stream")]},
        "durable write in chunks": {
            "ours": c_peer("marray", "durable-write", "marray"), "state": "none",
            "size": min(size, GIB), "flush": True,
            "others": [c_peer("bare map and msync", "durable-write", "bare"),
                       numpy_peer("durable-write", "flush-at-end", "flush-often"),
                       fio_works("durable-write")]},
        "tile: cold, 512x512 float64 out, back, durable": {
            "ours": c_peer("marray", "tile", "marray", count=8), "state": "cold",
            "size": matrix, "varies": True,
            "others": [numpy_peer("tile", count=8), c_peer("bare map", "tile", "bare", count=8),
                       c_peer("pread, pwrite, fdatasync", "tile", "pread", count=8),
                       c_peer("io_uring direct", "tile", "uring", count=8, depth=128)]},
        "tile: warm": {
            "ours": c_peer("marray", "tile", "marray", count=8), "state": "warm",
            "size": matrix_warm, "varies": True,
            "others": [numpy_peer("tile", count=8),
                       c_peer("pread, pwrite, fdatasync", "tile", "pread", count=8)]},
        "scatter: cold, stores to random pages, durable": scatter("cold"),
        "scatter: warm, stores to random pages, durable": scatter("warm"),
        "sum: warm": {
            "ours": c_peer("marray", "stream", "marray-warm"), "state": "warm",
            "size": min(size, 256 * MIB),
            "others": [numpy_peer("stream-warm"), c_peer("allocated array", "stream", "memory-warm"),
                       c_peer("bare map", "stream", "bare-warm")]},
        "elements: warm, read by accessor": {
            "ours": c_peer("marray", "elements", "read-accessor", count=MIB), "state": "warm",
            "size": 16 * MIB,
            "others": [c_peer("raw pointer", "elements", "read-pointer", count=MIB),
                       Peer("numpy", "read-elements", ("loop",), {"count": few}, few / MIB)]},
        "elements: warm, written by accessor": {
            "ours": c_peer("marray", "elements", "write-accessor", count=MIB), "state": "warm",
            "size": 16 * MIB,
            "others": [c_peer("raw pointer", "elements", "write-pointer", count=MIB),
                       Peer("numpy", "write-elements", ("loop",), {"count": few}, few / MIB)]},
        "elements: warm, marray_get": {
            "ours": c_peer("marray", "elements", "read-call", count=MIB), "state": "warm",
            "size": 16 * MIB,
            "others": [Peer("numpy", "read-elements", ("loop",), {"count": few}, few / MIB)]},
        "elements: warm, marray_set": {
            "ours": c_peer("marray", "elements", "write-call", count=MIB), "state": "warm",
            "size": 16 * MIB,
            "others": [Peer("numpy", "write-elements", ("loop",), {"count": few}, few / MIB)]},
        "kernel: warm, fill": kernel(
            c_peer("marray", "fill", "marray"), c_peer("memset", "fill", "bare"),
            numpy_peer("fill"), written=True),
        "kernel: warm, ramp": kernel(
            c_peer("marray", "ramp", "marray"), c_peer("loop of stores", "ramp", "bare"),
            numpy_peer("ramp", "arange", "chunks-65536"), written=True),
        "kernel: warm, copy of one half into the other": kernel(
            c_peer("marray", "copy", "marray"), c_peer("memcpy", "copy", "bare"),
            numpy_peer("copy"), written=True),
        "kernel: warm, >f4 to <f8": conversion("widen"),
        "kernel: warm, f2 to f4": conversion("half"),
        "kernel: warm, >f8 to <f8": conversion("swap"),
        "kernel: warm, sum of every eighth word": kernel(
            c_peer("marray", "strided-sum", "marray"), c_peer("loop", "strided-sum", "bare"),
            numpy_peer("strided-sum")),
        "guard: warm copies of 1 MiB": {
            "ours": c_peer("marray", "bulk", "marray", chunk=MIB), "state": "warm",
            "size": 64 * MIB,
            "others": [c_peer("memcpy without a guard", "bulk", "bare", chunk=MIB)]},
        "guard: warm copies of 64 KiB": {
            "ours": c_peer("marray", "bulk", "marray", chunk=65536), "state": "warm",
            "size": 64 * MIB,
            "others": [c_peer("memcpy without a guard", "bulk", "bare", chunk=65536)]},
    }


class Runner:
    def __init__(self, arguments):
        self.peer = arguments.peer
        self.folder = arguments.dir
        self.rounds = arguments.rounds
        self.random = random.Random(arguments.seed)
        self.seed = arguments.seed
        self.runs = 0

    def file_of(self, size, written):
        """The file that all share, made once, or the name of one that each run makes anew."""
        path = os.path.join(self.folder, f"peers-{'written' if written else size}")
        if not written and (not os.path.exists(path) or os.path.getsize(path) != size):
            subprocess.run([self.peer, "make", path, f"size={size}", "seed=1"], check=True)
        return path

    def run_program(self, program, work, way, path, options, limit_bytes=None):
        """What it printed; limit_bytes: of memory, for the pages of the file too."""
        words = [f"{name}={value}" for name, value in options.items()]
        with limit.limited(limit_bytes) if limit_bytes else nullcontext() as enter:
            done = subprocess.run([*program, work, way, path, *words], capture_output=True,
                                  text=True, check=False, preexec_fn=enter)
        if done.returncode:
            raise SystemExit(f"ci/peers: {work}: {os.path.basename(program[-1])} {way}: "
                             f"{done.stderr.strip()}")
        return json.loads(done.stdout)

    def run(self, peer, setting, entry, seed):
        path = self.file_of(entry["size"], entry["state"] == "none")
        options = {"size": entry["size"], "seed": seed, **peer.options}
        if entry["state"] == "cold":
            cold.make_cold(path)
        elif entry["state"] == "warm":
            cold.make_warm(path)
        self.runs += 1
        if peer.name == "fio":
            result = fio_peer.run_fio(peer.work, setting, path, options, self.folder)
        else:
            program = [self.peer]
            if peer.name == "numpy":
                program = [sys.executable, "-B", os.path.join(HERE, "numpy_peer.py")]
            result = self.run_program(program, peer.work, setting, path, options,
                                      entry.get("limit"))
        result["elapsed_ns"] = max(1, result["elapsed_ns"]) / peer.divisor
        return result

    def finalists(self, peer, entry):
        """The two fastest of those tried, by their medians, and what all came to: a few pilot runs do
        not tell which of them is the best, the rounds do."""
        if len(peer.settings) == 1:
            return peer.settings, {}
        tried = {}
        for _ in range(PILOTS):
            for setting in self.random.sample(peer.settings, len(peer.settings)):
                result = self.run(peer, setting, entry, self.next_seed())
                tried.setdefault(setting, []).append(result["elapsed_ns"])
        medians = {setting: statistics.median(times) for setting, times in tried.items()}
        return sorted(medians, key=medians.get)[:2], medians

    def next_seed(self):
        return self.random.randrange(1 << 40)

    def compare(self, title, entry):
        """One row a peer."""
        ours = entry["ours"]
        chosen = [(ours, ours.settings[0], {})]
        for peer in entry["others"]:
            settings, tried = self.finalists(peer, entry)
            chosen += [(peer, setting, tried) for setting in settings]
        times = [[] for _ in chosen]
        flushes = [[] for _ in chosen]
        for _ in range(self.rounds):
            # The same order of accesses for all of a round, another one in the next.
            seed = self.next_seed() if entry.get("varies") or entry["state"] == "none" else 1
            sums = {}
            for i in self.random.sample(range(len(chosen)), len(chosen)):
                peer, setting, _ = chosen[i]
                result = self.run(peer, setting, entry, seed)
                times[i].append(result["elapsed_ns"])
                flushes[i].append(result["flush_ns"])
                if result["checksum"] is not None and peer.divisor == 1 and not peer.yardstick:
                    sums[f"{peer.name} {setting}"] = result["checksum"]
            if len(set(sums.values())) > 1 and not title.startswith("tile"):
                raise SystemExit(f"ci/peers: {title}: not the same bytes for all: {sums}")
        rows = []
        for i in fastest_of_each(chosen, times):
            peer, setting, tried = chosen[i]
            rows.append(row_of(title, peer, setting, times[i], times[0], tried))
            if entry.get("flush") and all(flushes[i]) and setting != "flush-often":
                rows.append(row_of(f"{title}: its last flush", peer, setting, flushes[i],
                                   flushes[0], {}))
        return rows


def fastest_of_each(chosen, times):
    """For every peer the place of the setting that had the lowest median in the rounds."""
    best = {}
    for i, (peer, _, _) in enumerate(chosen[1:], 1):
        median = statistics.median(times[i])
        if id(peer) not in best or median < best[id(peer)][0]:
            best[id(peer)] = (median, i)
    return [i for _, i in best.values()]


def interval(values, confidence=0.95):
    """Of the median, by order statistics: exact whatever the distribution; None below six."""
    n = len(values)
    ordered = sorted(values)
    below, k = 0.0, 0
    while k < n // 2 and 2 * (below + comb(n, k) / 2 ** n) <= 1 - confidence:
        below += comb(n, k) / 2 ** n
        k += 1
    return (ordered[k - 1], ordered[n - k]) if k > 0 else None


def row_of(title, peer, setting, theirs, ours, tried):
    ratios = [a / max(1, b) for a, b in zip(theirs, ours)]
    limits = interval(ratios)
    return {"work": title, "against": peer.name, "setting": setting,
            "ratio": statistics.median(ratios), "low": limits[0] if limits else None,
            "high": limits[1] if limits else None, "rounds": len(ratios),
            "marray_ms": statistics.median(ours) / 1e6, "peer_ms": statistics.median(theirs) / 1e6,
            "tried_ms": {name: value / 1e6 for name, value in tried.items()}}


def show(row):
    limits = f"{row['low']:8.2f} {row['high']:8.2f}" if row["low"] is not None else " " * 17
    print(f"  {row['against'][:26]:26} {row['ratio']:8.2f} {limits} {row['marray_ms']:10.2f} "
          f"{row['peer_ms']:10.2f}  {row['setting']}", flush=True)


def plot(rows, folder):
    """peers.svg, with its data and its program beside it. Titles are data, in a file."""
    if not shutil.which("gnuplot"):
        print("gnuplot is missing: no plot")
        return
    with open(os.path.join(folder, "peers.dat"), "w", encoding="utf-8") as file:
        for i, row in enumerate(rows):
            label = f"{row['work']} / {row['against']}".replace('"', "'")
            low, high = row["low"] or row["ratio"], row["high"] or row["ratio"]
            file.write(f'{len(rows) - i} {row["ratio"]} {low} {high} "{label}"\n')
    shutil.copy(os.path.join(HERE, "peers.gp"), folder)
    subprocess.run(["gnuplot", "-e", f"row_count={len(rows)}", "peers.gp"], cwd=folder, check=True)


def parse():
    parser = argparse.ArgumentParser(prog="ci/peers", description=__doc__)
    parser.add_argument("--peer", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--dir", required=True, help="folder of the data files, on the device in "
                        "question")
    parser.add_argument("--out", required=True, help="folder for peers.json and the plot")
    parser.add_argument("--size", type=int, default=4096, help="of the large file, in MiB (4096)")
    parser.add_argument("--rounds", type=int, default=10, help="interleaved runs of each (10)")
    parser.add_argument("--works", default="", help="only titles that begin with one of these, "
                        "separated by commas")
    parser.add_argument("--scaling", action="store_true", help="instead of the table: what an "
                        "element costs by file size, arrays, threads and processes")
    parser.add_argument("--seed", type=int, default=20261124)
    return parser.parse_args()


def main():
    arguments = parse()
    os.makedirs(arguments.dir, exist_ok=True)
    os.makedirs(arguments.out, exist_ok=True)
    works = catalogue(arguments.size * MIB)
    wanted = [name for name in arguments.works.split(",") if name]
    titles = [title for title in works
              if not wanted or any(title.startswith(name) for name in wanted)]
    if not titles:
        raise SystemExit(f"ci/peers: no work begins with one of {wanted}; there are: "
                         + "; ".join(works))
    runner = Runner(arguments)
    if arguments.scaling:
        scaling.run(runner, arguments.rounds, arguments.size, arguments.out, HERE, interval)
        return
    rows = []
    print("ratio: the time of the other divided by that of libmarray, median of the rounds and its "
          "95 % interval\n")
    for title in titles:
        why_not = limit.why_not() if "limit" in works[title] else None
        if why_not:
            print(f"{title}: left out: {why_not}")
            continue
        print(f"{title} ({works[title]['size'] // MIB} MiB, {works[title]['state']})\n"
              f"  {'against':26} {'ratio':>8} {'low':>8} {'high':>8} {'marray ms':>10} "
              f"{'peer ms':>10}  setting", flush=True)
        found = runner.compare(title, works[title])
        for row in found:
            show(row)
        rows += found
        document.write_json(rows, os.path.join(arguments.out, "peers.json"))
    plot(rows, arguments.out)
    print(f"\n{runner.runs} runs; {os.path.join(arguments.out, 'peers.json')}")


if __name__ == "__main__":
    main()
