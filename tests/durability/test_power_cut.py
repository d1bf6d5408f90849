"""What a flush reported durable is on the disk after a power cut at any moment.

usage: test_power_cut.py FAULTY_FS FLUSH_WRITER ROUNDS [--submitted]

A small ext4 lies on a loop device over a file of faulty_fs, which is a disk with a volatile cache:
writes reach the medium when the device is told to flush, and not before. In every round a writer
stores and flushes generation after generation; at a random moment it is killed and the medium is
copied (or copied under it, then killed). The copy is mounted, which replays its journal, and every
element must be as new as the last generation that was reported before the cut. The device's own
count of flush requests must have grown during every flush.

--submitted: the writer hands its pages to the device without a flush. The same check must then find
what is missing: it can fail.
"""
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import numpy

import sandbox

ROWS, COLUMNS, KINDS = 64, 512, 5
IMAGE_BYTES = 32 << 20
SEED = 20261122


def touched(generation):
    """The elements that a generation stores to; flush_writer.c has the same rule."""
    mask = numpy.zeros((ROWS, COLUMNS), bool)
    number = generation * 2654435761 & 0xffffffff
    first = (number >> 8) % ROWS
    if generation % KINDS == 0:
        mask[:] = True
    elif generation % KINDS == 1:
        mask[first:first + 1 + (number >> 16) % (ROWS - first)] = True
    elif generation % KINDS == 2:
        mask[first % 3::3] = True
    elif generation % KINDS == 3:
        mask[:, (number >> 8) % COLUMNS] = True
    else:
        mask[first] = True
    return mask


def state_after(generation):
    values = numpy.zeros((ROWS, COLUMNS), numpy.uint64)
    for number in range(generation - generation % KINDS, generation + 1):
        values[touched(number)] = number
    return values


def complaint(values, reported, last):
    """None, or what is wrong with values: at least generation reported is there, at most the one
    after last, which was the last that was reported at all."""
    wanted = state_after(reported)
    if (values < wanted).any():
        return f"{(values < wanted).sum()} elements are older than generation {reported}"
    for number in numpy.unique(values[values > wanted]):
        if number > last + 1 or not touched(int(number))[values == number].all():
            return f"generation {number} is where nobody stored it"
    return None


class Disk:
    """An ext4 on a loop device over the volatile disk."""

    def __init__(self, folder, fs):
        self.fs = fs
        self.mount = os.path.join(folder, "disk")
        self.copy = os.path.join(folder, "copy")
        self.copy_mount = os.path.join(folder, "copy-disk")
        os.mkdir(self.mount)
        os.mkdir(self.copy_mount)

    def __enter__(self):
        image = os.path.join(self.fs.mount, "image")
        if subprocess.run(["mount", "-o", "loop", image, self.mount], check=False).returncode:
            sandbox.skip("no loop device can be mounted here")
        device = os.stat(self.mount).st_dev
        self.stat = f"/sys/dev/block/{os.major(device)}:{os.minor(device)}/stat"
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", self.mount], check=False)

    def cut_power(self):
        """Copies what is on the medium now."""
        with open(os.path.join(self.fs.mount, "durable"), "rb") as medium, \
                open(self.copy, "wb") as copy:
            shutil.copyfileobj(medium, copy, 1 << 20)

    def read_after_cut(self, name):
        # Not read-only: a loop device for that is read-only too, and no journal could be replayed.
        sandbox.run("mount", "-o", "loop", self.copy, self.copy_mount)
        try:
            return numpy.fromfile(os.path.join(self.copy_mount, name),
                                  "<u8").reshape(ROWS, COLUMNS)
        finally:
            sandbox.run("umount", self.copy_mount)


class Round:
    def __init__(self, disk, program, how, name):
        self.lines = []
        self.path = os.path.join(disk.mount, name)
        self.process = subprocess.Popen([program, self.path, disk.stat, how],
                                        stdout=subprocess.PIPE)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.pending = b""

    def reported(self):
        """The last generation that was reported until now, -1: none."""
        try:
            while part := os.read(self.process.stdout.fileno(), 1 << 16):
                self.pending += part
        except BlockingIOError:
            pass
        *lines, self.pending = self.pending.split(b"\n")
        self.lines += [tuple(map(int, line.split())) for line in lines]
        return self.lines[-1][0] if self.lines else -1

    def wait_for(self, generation):
        deadline = time.monotonic() + 60
        while self.reported() < generation:
            assert self.process.poll() is None, "the writer ended by itself"
            assert time.monotonic() < deadline, f"generation {generation} does not come"
            time.sleep(0.0005)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def play(disk, program, how, name, dice):
    """One round: (complaint or None, generations reported, flushes that did not reach the device)."""
    writer = Round(disk, program, how, name)
    try:
        writer.wait_for(dice.randrange(15))
        if dice.random() < 0.5:
            time.sleep(dice.random() * 0.02)
        kill_first = dice.random() < 0.5
        if kill_first:
            writer.kill()
        reported = writer.reported()
        disk.cut_power()
    finally:
        writer.kill()
    last = writer.reported()
    assert [line[0] for line in writer.lines] == list(range(last + 1))
    without = sum(after <= before for _, before, after in writer.lines)
    problem = complaint(disk.read_after_cut(name), reported, last)
    os.unlink(writer.path)
    return problem, last + 1, without


def play_all(disk, program, rounds, how):
    dice = random.Random(SEED)
    generations = lost = without = 0
    for number in range(rounds):
        create = "-create" if how == "durable" and number % 2 else ""
        problem, count, missed = play(disk, program, how + create, f"data-{number}", dice)
        generations += count
        without += missed
        lost += problem is not None
        if problem:
            print(f"round {number}: {problem}", flush=True)
    print(f"{rounds} power cuts, {generations} flushes of a writer ({how}): {lost} cuts lost what "
          f"was reported, {without} flushes without a flush request at the device")
    if how == "durable":
        assert lost == 0 and without == 0
    else:
        assert lost > 0 and without > 0, "what was never flushed should have been missed"


def main():
    folder = sandbox.enter()
    file_system, program, rounds = sys.argv[1:4]
    how = "submitted" if "--submitted" in sys.argv else "durable"
    try:
        fs = sandbox.FaultyFs(file_system, folder, "volatile")
        image = os.path.join(fs.files, "image")
        with open(image, "wb") as stream:
            stream.truncate(IMAGE_BYTES)
        sandbox.run("mkfs.ext4", "-q", "-F", "-b", "4096", "-J", "size=4", image)
        shutil.copyfile(image, image + ".cache")
        with fs, Disk(folder, fs) as disk:
            play_all(disk, program, int(rounds), how)
    finally:
        sandbox.leave(folder)


main()
