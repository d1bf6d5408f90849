"""What a cold random element costs libmarray and a bare map, by size of the file and by how many arrays,
threads or processes share the work: a part of ci/peers."""
import os
import shutil
import statistics
import subprocess

import cold
import document

MIB = 1 << 20
SIZES_MIB = [16, 64, 256, 1024, 4096, 16384]
WHO = ("marray", "bare")
COUNT = 8000


def panels_up_to(largest_mib):
    """By what, the way of doing it, what x is, its values."""
    return [("size", "threads", "size_mib", [x for x in SIZES_MIB if x <= largest_mib]),
            ("threads", "threads", "parallel", [1, 2, 4, 8, 16]),
            ("processes", "processes", "parallel", [1, 2, 4, 8, 16]),
            ("arrays", "arrays", "parallel", [1, 4, 16, 64])]


class Scaling:
    def __init__(self, runner, shared_mib):
        self.runner = runner
        self.shared_mib = shared_mib

    def measure(self, who, panel, x, seed):
        """Microseconds an element, and the sum of the elements."""
        _, way, kind, _ = panel
        size = (x if kind == "size_mib" else self.shared_mib) * MIB
        # Few enough that most pages of a small file are met once.
        count = min(COUNT, size // 4096)
        path = self.runner.file_of(size, False)
        cold.make_cold(path)
        result = self.runner.run_program([self.runner.peer], "scale", f"{who}-{way}", path,
                                   {"size": size, "seed": seed, "count": count,
                                    "parallel": x if kind == "parallel" else 1})
        return result["elapsed_ns"] / count / 1000, result["checksum"]

    def read_all(self, panel):
        """Below a virtual machine the host has a cache too: it has met every file before the rounds."""
        for size_mib in panel[3] if panel[2] == "size_mib" else [self.shared_mib]:
            with open(self.runner.file_of(size_mib * MIB, False), "rb", buffering=0) as file:
                while file.read(MIB):
                    pass

    def panel(self, panel, rounds):
        """{who: {x: [microseconds]}}, in interleaved rounds."""
        self.read_all(panel)
        times = {who: {x: [] for x in panel[3]} for who in WHO}
        for _ in range(rounds):
            seed = self.runner.next_seed()
            points = [(who, x) for who in WHO for x in panel[3]]
            sums = {}
            for who, x in self.runner.random.sample(points, len(points)):
                microseconds, checksum = self.measure(who, panel, x, seed)
                times[who][x].append(microseconds)
                if sums.setdefault(x, checksum) != checksum:
                    raise SystemExit(f"ci/peers: scaling: not the same elements for all at {x}")
        return times


def rows_of(panel, times, interval):
    rows = []
    for who in WHO:
        for x, values in times[who].items():
            low, high = interval(values) or (min(values), max(values))
            rows.append({"by": panel[0], "who": who, "x": x, "us": statistics.median(values),
                         "low": low, "high": high, "rounds": len(values)})
    return rows


def plot(rows, folder, here):
    """scaling.svg, with its data and its program beside it."""
    with open(os.path.join(folder, "scaling.dat"), "w", encoding="utf-8") as file:
        for by in dict.fromkeys(row["by"] for row in rows):
            for who in WHO:
                file.writelines(f"{row['x']} {row['us']} {row['low']} {row['high']}\n"
                                for row in rows if row["by"] == by and row["who"] == who)
                file.write("\n\n")
    if not shutil.which("gnuplot"):
        print("gnuplot is missing: no plot")
        return
    shutil.copy(os.path.join(here, "scaling.gp"), folder)
    subprocess.run(["gnuplot", "scaling.gp"], cwd=folder, check=True)


def run(runner, rounds, size_mib, folder, here, interval):
    """Files up to four times size_mib; half of it where the size is not what varies."""
    scaling = Scaling(runner, max(size_mib // 2, SIZES_MIB[0]))
    rows = []
    for panel in panels_up_to(4 * size_mib):
        found = rows_of(panel, scaling.panel(panel, rounds), interval)
        print(f"cold random elements by {panel[0]}: microseconds an element, median and interval")
        for row in found:
            print(f"  {row['who']:8} {row['x']:8} {row['us']:9.2f} {row['low']:9.2f} "
                  f"{row['high']:9.2f}", flush=True)
        rows += found
        document.write_json(rows, os.path.join(folder, "scaling.json"))
    plot(rows, folder, here)
