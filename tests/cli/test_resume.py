#!/usr/bin/env python3
"""mapmeter run --resume: completes what a run lacks, refuses what is another run, keeps two runs out
of one folder, and takes away what a killed one left."""

import fcntl
import json
import os
import shutil
import subprocess

import sandbox

LAUNCHES = 4
RUN = ["-w", "sequential", "-e", "mmap,memory", "-c", "cold,warm", "--size", "1MiB", "--launches",
       str(LAUNCHES)]
SEED = ["--seed", "7"]


class Test:
    def __init__(self, box):
        self.box = box

    def path(self, *names):
        return os.path.join(self.box.folder, *names)

    def mapmeter(self, *arguments, code=0):
        done = subprocess.run(["mapmeter", "run", *arguments], cwd=self.box.folder,
                              env=self.box.environment, capture_output=True, text=True, check=False)
        assert done.returncode == code, f"{arguments}: exit {done.returncode}: {done.stderr}"
        return done.stderr

    def record(self, out):
        with open(self.path(out, "results.json"), encoding="utf-8") as stream:
            return json.load(stream)

    def write(self, out, record):
        with open(self.path(out, "results.json"), "w", encoding="utf-8") as stream:
            json.dump(record, stream)

    def variant(self, name, change):
        """A copy of the folder of the whole run, with another record."""
        shutil.copytree(self.path("whole"), self.path(name))
        record = self.record("whole")
        change(record)
        self.write(name, record)
        return record

    def make(self):
        self.mapmeter(*RUN, *SEED, "--out", "whole", "-q")
        record = self.record("whole")
        assert len(record["launches"]) == 3 * LAUNCHES
        assert record["run"]["resumed"] == 0

    def test_what_lacks_is_made_and_the_rest_is_kept(self):
        def cut(record):
            record["run"].update(interrupted="SIGINT")
            # Not only the last ones: the middle one failed to be saved.
            record["launches"] = record["launches"][:3] + record["launches"][4:7]

        whole = self.record("whole")
        kept = self.variant("cut", cut)["launches"]
        with open(self.path("cut", "results.json.4711-0.tmp"), "w", encoding="utf-8") as stream:
            stream.write("half a rec")
        self.mapmeter("--resume", "cut", "-q")
        found = self.record("cut")
        assert found["run"]["resumed"] == 1
        assert found["run"]["interrupted"] is None and found["run"]["finished_utc"]
        assert found["run"]["id"] == whole["run"]["id"]
        assert found["launches"][:6] == kept, "a launch that was there has changed"

        def key(launch):
            return (launch["case"], launch["index"], launch["seed"], launch["order"])

        assert sorted(map(key, found["launches"])) == sorted(map(key, whole["launches"]))
        assert all(launch["status"] == "ok" for launch in found["launches"])
        last_kept = max(l["started_ns"] + l["elapsed_ns"] for l in kept)
        assert all(launch["started_ns"] >= last_kept for launch in found["launches"][6:])
        assert not os.path.exists(self.path("cut", "results.json.4711-0.tmp"))
        assert os.path.exists(self.path("cut", "report.html"))

    def test_a_whole_run_stays_as_it_is(self):
        before = self.record("whole")
        assert "nothing was measured" in self.mapmeter("--resume", "whole")
        assert self.record("whole") == before

    def test_the_same_may_be_said_again(self):
        def cut(record):
            record["launches"].pop()

        self.variant("again", cut)
        self.mapmeter("--resume", "again", *RUN, *SEED, "-q")
        assert len(self.record("again")["launches"]) == 3 * LAUNCHES

    def refuse(self, folder, part, *arguments):
        path = self.path(folder, "results.json")
        before = None
        if os.path.exists(path):
            with open(path, "rb") as stream:
                before = stream.read()
        said = self.mapmeter("--resume", folder, *arguments, code=2)
        assert len(said.splitlines()) == 1, said
        assert part in said and folder in said, f"'{part}' is not in: {said}"
        if before:
            with open(path, "rb") as stream:
                assert stream.read() == before, "a refused resumption changed the record"

    def test_another_run_is_refused(self):
        def cut(record):
            record["launches"].pop()

        def rebuild(record):
            cut(record)
            record["run"]["mapmeter"]["digest"] = "0x00000000deadbeef"

        def move(record):
            cut(record)
            record["environment"]["fingerprint"] = "0123456789abcdef"

        def lose(record):
            cut(record)
            record["launches"][0]["index"] = LAUNCHES + 3

        self.variant("other", cut)
        self.refuse("other", "another suite", "quick")
        self.refuse("other", "another seed", *RUN, "--seed", "8")
        self.refuse("other", "'launches_planned'", *RUN[:-1], "9")
        self.refuse("other", "another plan", "-w", "sequential", "--launches", str(LAUNCHES))
        self.refuse("other", "another plan", *RUN, "-p", "block=64KiB")
        self.variant("rebuilt", rebuild)
        self.refuse("rebuilt", "another mapmeter")
        self.variant("moved", move)
        self.refuse("moved", "another machine")
        self.variant("lost", lose)
        assert "not one of the plan" in self.mapmeter("--resume", "lost", code=4)
        self.refuse("folder", "begin a new run")
        self.refuse("nowhere", "No such file")
        said = self.mapmeter("--resume", "other", "--out", "new", code=2)
        assert "exclude each other" in said, said

    def test_two_runs_in_one_folder_are_refused(self):
        def cut(record):
            record["launches"].pop()

        self.variant("busy", cut)
        os.mkdir(self.path("empty"))
        for name in ("busy", "empty"):
            descriptor = os.open(self.path(name), os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            arguments = ["--resume", "busy"] if name == "busy" else [*RUN, "--out", "empty"]
            said = self.mapmeter(*arguments, code=2)
            assert "another run is at work" in said, said
            os.close(descriptor)
        assert os.listdir(self.path("empty")) == []
        self.mapmeter("--resume", "busy", "-q")

    def test_a_new_run_takes_away_what_killed_ones_left(self):
        old = self.path("mapmeter-results", "20200101T000000Z-quick")
        locked = self.path("mapmeter-results", "20200101T000001Z-quick")
        left = ["results.json.4711-0.tmp", "plots/faults.svg.4711-12.tmp"]
        kept = ["results.json", "notes.tmp", "my.1-2.tmp.txt"]
        for folder in (old, locked):
            os.makedirs(os.path.join(folder, "plots"))
            for name in left + kept:
                with open(os.path.join(folder, name), "w", encoding="utf-8") as stream:
                    stream.write("x")
        link = self.path("mapmeter-results", ".latest-4194399")  # above any process id
        os.symlink("nowhere", link)
        data = self.path("cache", "mapmeter-u8-4711-seed1-read.dat.partial")
        other = self.path("cache", "my.dat.partial")
        for path in (data, other):
            with open(path, "w", encoding="utf-8") as stream:
                stream.write("x")
        descriptor = os.open(locked, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        self.mapmeter("-w", "sequential", "-e", "memory", "-c", "warm", "--size", "64KiB",
                      "--launches", "1", "-q")
        os.close(descriptor)
        assert not os.path.lexists(link)
        assert not os.path.exists(data) and os.path.exists(other)
        for name in left:
            assert not os.path.exists(os.path.join(old, name)), name
            assert os.path.exists(os.path.join(locked, name)), name
        for name in kept:
            assert os.path.exists(os.path.join(old, name)), name

    def test_a_disk_that_fills_up_leaves_the_record_of_before(self):
        reason = self.box.lacks("small-disk")
        if reason:
            print(f"without the full disk: {reason}")
            return
        # The first save comes before the launches, the next one two seconds later.
        script = """
            mapmeter run -w sequential -e memory -c warm --size 64KiB --launches 2000 \
                --out disk/out -q 2> said &
            while ! test -e disk/out/results.json; do sleep 0.05; done
            cat /dev/zero > disk/filler 2> /dev/null
            wait $!; code=$?
            cp disk/out/results.json kept.json; ls disk/out > listed
            rm disk/filler; mkdir -p resumed; cp kept.json resumed/results.json
            exit $code"""
        done = subprocess.run(["sh", "-c", "$SMALL_DISK sh -c \"$SCRIPT\""], cwd=self.box.folder,
                              env=dict(self.box.environment, SCRIPT=script), check=False,
                              capture_output=True, text=True)
        with open(self.path("said"), encoding="utf-8") as stream:
            said = stream.read()
        assert done.returncode == 4, f"{done.returncode}: {done.stderr} {said}"
        assert "No space left" in said and "--resume goes on" in said, said
        with open(self.path("listed"), encoding="utf-8") as stream:
            assert stream.read() == "results.json\n"
        record = self.record("resumed")
        assert record["run"]["finished_utc"] is None and len(record["launches"]) < 2000
        # What was saved is a record, and one to go on from.
        subprocess.run(["mapmeter", "report", "resumed", "--out", "reported"], check=True,
                       cwd=self.box.folder, env=self.box.environment, capture_output=True)


with sandbox.Sandbox() as box:
    test = Test(box)
    test.make()
    names = [name for name in dir(test) if name.startswith("test_")]
    for name in names:
        getattr(test, name)()
    print(f"{len(names)} tests")
