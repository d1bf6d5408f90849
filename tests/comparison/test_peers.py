"""ci/peers at a small size: every work agrees on its sums, and peers.json has its rows."""
import json
import os
import shutil
import subprocess
import sys
import tempfile

SOURCE = os.environ["MAPMETER_SOURCE_DIR"]
COMPARISON = os.path.join(SOURCE, "harness/comparison")
ROW = {"work", "against", "setting", "ratio", "low", "high", "rounds"}
# Without fio the works that have it as a peer are left out.
WITHOUT_FIO = "tile,scatter,sum,elements,kernel,guard"


def run(peer, folder, *arguments):
    return subprocess.run([sys.executable, "-B", os.path.join(COMPARISON, "peers.py"), "--peer", peer,
                           "--dir", os.path.join(folder, "data"), "--out",
                           os.path.join(folder, "out"), "--size", "32", *arguments],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


def main():
    peer = sys.argv[1]
    works = [] if shutil.which("fio") else ["--works", WITHOUT_FIO]
    with tempfile.TemporaryDirectory(prefix="peers-", dir=os.environ.get("TMPDIR", "/var/tmp")) as folder:
        done = run(peer, folder, "--rounds", "2", *works)
        if "cold cannot be verified here" in done.stdout:
            print("skip: " + done.stdout.strip().splitlines()[-1])
            return 77
        assert done.returncode == 0, done.stdout
        with open(os.path.join(folder, "out/peers.json"), encoding="utf-8") as file:
            rows = json.load(file)
        for row in rows:
            assert ROW <= set(row), row
            assert row["ratio"] > 0 and row["rounds"] == 2 and row["low"] is None, row
        titles = {row["work"].split(":")[0] for row in rows}
        assert {"tile", "scatter", "sum", "elements", "kernel", "guard"} <= titles, titles
        again = run(peer, folder, "--rounds", "6", "--works", "guard: warm copies of 64")
        assert again.returncode == 0, again.stdout
        with open(os.path.join(folder, "out/peers.json"), encoding="utf-8") as file:
            row, = json.load(file)
        assert row["low"] <= row["ratio"] <= row["high"], row
        scaled = run(peer, folder, "--rounds", "1", "--scaling")
        assert scaled.returncode == 0, scaled.stdout
        with open(os.path.join(folder, "out/scaling.json"), encoding="utf-8") as file:
            points = json.load(file)
        assert {(point["by"], point["who"]) for point in points} == {
            (by, who) for by in ("size", "threads", "processes", "arrays")
            for who in ("marray", "bare")}, points
        assert all(point["us"] > 0 for point in points), points
        if shutil.which("gnuplot"):
            assert os.path.getsize(os.path.join(folder, "out/scaling.svg")) > 1000
        unknown = run(peer, folder, "--works", "nonsense")
        assert unknown.returncode and "no work begins with" in unknown.stdout, unknown.stdout
    print(f"{len(rows)} rows" + (", without fio" if works else ""))
    return 0


sys.exit(main())
