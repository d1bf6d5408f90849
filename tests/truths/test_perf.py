"""perf agrees with our counts of page faults: perf stat and perf trace on a program whose faults are
known, perf stat around a whole run of mapmeter."""
import os
import re
import shutil
import subprocess
import sys

from truths import MIB, Folder, counter, skip

PAGES = 20000
SIZE = 64 * MIB


def perf(folder, words):
    """What perf stat counts of the words: minor and major faults."""
    out = os.path.join(folder.path, "perf.csv")
    done = subprocess.run(["perf", "stat", "-x,", "-e", "minor-faults,major-faults", "-o", out,
                           "--", *words], capture_output=True, text=True, check=False)
    if not os.path.exists(out):
        skip(f"perf stat is refused: {done.stderr.strip()[:200]}")
    return done, read_counts(out)


def read_counts(path):
    counts = {}
    with open(path, encoding="utf-8") as stream:
        for line in stream:
            fields = line.strip().split(",")
            if len(fields) > 2 and "faults" in fields[2]:
                if not fields[0].isdigit():
                    skip(f"perf stat does not count {fields[2]}: {fields[0]}")
                # Counted without the kernel's part, an event has another name.
                if ":u" in fields[2]:
                    skip("perf stat is refused the kernel's part")
                counts[fields[2]] = int(fields[0])
    return counts["minor-faults"], counts["major-faults"]


def near(ours, theirs):
    return abs(ours - theirs) <= theirs / 100


def check_source(launch):
    quality = launch["counter_quality"]["minor_faults"]
    if quality["source"] != "perf" or quality["exclude_kernel"]:
        skip("perf events are refused here, or without the kernel's part")


def check_known_program(folder, program):
    done, (minor, _) = perf(folder, [program, str(PAGES)])
    assert done.returncode == 0, done.stderr
    launch = folder.run("--launches", "1", command=[program, str(PAGES)])["launches"][0]
    check_source(launch)
    sample = launch["samples"][0]
    ours = counter(sample, "minor_faults")
    waited = counter(sample, "rusage_minor_faults")
    print(f"{PAGES} pages: mapmeter {ours}, by wait4 {waited}, perf stat {minor}")
    assert ours >= PAGES and near(ours, minor) and near(waited, minor)
    return ours


def check_trace(folder, program, ours):
    out = os.path.join(folder.path, "trace.txt")
    done = subprocess.run(["perf", "trace", "--no-syscalls", "-F", "min", "-m", "4096", "-o", out,
                           "--", program, str(PAGES)], capture_output=True, text=True, check=False)
    if done.returncode or not os.path.exists(out):
        print(f"without perf trace, which is refused: {done.stderr.strip()[:200]}")
        return
    with open(out, encoding="utf-8", errors="replace") as stream:
        lines = stream.read().splitlines()
    lost = [line for line in lines if re.search(r"\bLOST\b", line)]
    traced = sum("minfault" in line for line in lines)
    if lost:
        print(f"without perf trace, which lost events here: {lost[0]}")
        return
    print(f"{PAGES} pages: perf trace -F {traced}")
    assert near(ours, traced), (ours, traced)


def check_whole_run(folder):
    out = os.path.join(folder.path, "run.csv")
    arguments = ["-w", "sequential", "-e", "mmap", "-c", "cold", "-p", "advice=random", "--size",
                 str(SIZE), "--launches", "1"]
    folder.run(*arguments)  # makes the data
    record = folder.run(*arguments, prefix=["perf", "stat", "-x,", "-e",
                                            "minor-faults,major-faults", "-o", out, "--"])
    if record["cases"][0]["skipped"]:
        print(f"without a cold file: {record['cases'][0]['skipped']}")
        return
    _, major = read_counts(out)
    ours = counter(record["launches"][0]["samples"][0], "major_faults")
    print(f"{SIZE // MIB} MiB cold: mapmeter {ours} major faults, perf stat of the whole run "
          f"{major}")
    # Programs that were not in memory add a few of their own.
    assert ours <= major and near(ours, major), (ours, major)


def main():
    if not shutil.which("perf"):
        skip("perf is not installed")
    program = sys.argv[1]
    with Folder() as folder:
        ours = check_known_program(folder, program)
        check_trace(folder, program, ours)
        check_whole_run(folder)


main()
