"""usage: numpy_peer.py WORK WAY FILE [name=value]...

The works of ci/peers with numpy.memmap, as its users are advised to write them; prints what
mapmeter_peer prints. Times begin before the file is opened, after imports and lists.
"""
import json
import mmap
import os
import sys
import time

import numpy

MASK = 0xFFFFFFFFFFFFFFFF
PASSES = 15


class Run:
    def __init__(self, path, options):
        self.path = path
        self.option = {"size": 0, "count": 0, "step": 65536, "chunk": 1 << 20, "seed": 0, **options}
        self.words = self.option["size"] // 8
        self.elapsed_ns = 0
        self.flush_ns = 0
        self.checksum = 0

    def __getattr__(self, name):
        return self.option[name]

    def open(self, mode):
        return numpy.memmap(self.path, dtype="<u8", mode=mode,
                            shape=(self.words,) if mode == "w+" else None)

    def indices(self, limit):
        """peer_index() of mapmeter_peer for 0 .. count - 1."""
        with numpy.errstate(over="ignore"):
            value = numpy.arange(self.count, dtype=numpy.uint64) + numpy.uint64(self.seed)
            value += numpy.uint64(0x9e3779b97f4a7c15)
            value = (value ^ (value >> numpy.uint64(30))) * numpy.uint64(0xbf58476d1ce4e5b9)
            value = (value ^ (value >> numpy.uint64(27))) * numpy.uint64(0x94d049bb133111eb)
            value ^= value >> numpy.uint64(31)
        return (value % numpy.uint64(limit)).astype(numpy.int64)

    def timed(self, work):
        started = time.perf_counter_ns()
        result = work()
        self.elapsed_ns = time.perf_counter_ns() - started
        return result

    def repeated(self, work):
        """The median of passes, the first one untimed."""
        times = []
        for _ in range(PASSES + 1):
            self.checksum = int(self.timed(work)) & MASK
            times.append(self.elapsed_ns)
        self.elapsed_ns = sorted(times[1:])[PASSES // 2]


def total(values):
    return int(values.sum(dtype=numpy.uint64)) & MASK


def advise_random(array):
    array._mmap.madvise(mmap.MADV_RANDOM)  # numpy has no other way


def gather(run, way):
    indices = run.indices(run.words)

    def work():
        array = run.open("r")
        if way == "random-advice":
            advise_random(array)
        return array[indices]
    run.checksum = total(run.timed(work))


def stride(run, _):
    def work():
        return total(run.open("r")[::run.step // 8])
    run.checksum = run.timed(work)


def stream(run, way):
    chunk = int(way.removeprefix("chunks-")) // 8

    def work():
        array = run.open("r")
        return sum(total(array[i:i + chunk]) for i in range(0, run.words, chunk)) & MASK
    run.checksum = run.timed(work)


def stream_warm(run, _):
    array = run.open("r")
    run.repeated(lambda: total(array))


def durable_write(run, way):
    chunk = run.chunk // 8
    if os.path.exists(run.path):
        os.unlink(run.path)

    def work():
        array = run.open("w+")
        for i in range(0, run.words, chunk):
            array[i:i + chunk] = numpy.arange(run.seed + i, run.seed + i + chunk, dtype="<u8")
            if way == "flush-often" and (i + chunk) % (8 << 20) == 0:
                array.flush()
        started = time.perf_counter_ns()
        array.flush()
        run.flush_ns = time.perf_counter_ns() - started
    run.timed(work)


def tile(run, _):
    side = int(run.words ** 0.5)
    across = side // 512
    places = run.indices(across * across)
    buffer = numpy.empty((512, 512), "<u8")

    def work():
        checksum = 0
        matrix = numpy.memmap(run.path, dtype="<u8", mode="r+", shape=(side, side))
        for place in places:
            row, column = int(place) // across * 512, int(place) % across * 512
            part = matrix[row:row + 512, column:column + 512]
            buffer[:] = part
            checksum += total(buffer)
            numpy.bitwise_xor(buffer, numpy.uint64(1), out=buffer)
            part[:] = buffer
            matrix.flush()
        return checksum & MASK
    run.checksum = run.timed(work)


def scatter(run, _):
    indices = run.indices(run.words)
    values = numpy.arange(run.seed, run.seed + run.count, dtype=numpy.uint64)

    def work():
        array = run.open("r+")
        array[indices] = values
        started = time.perf_counter_ns()
        array.flush()
        run.flush_ns = time.perf_counter_ns() - started
    run.timed(work)
    run.checksum = total(values)


def fill(run, _):
    array = run.open("r+")

    def work():
        array[:] = run.seed
        return 0
    run.repeated(work)


def ramp(run, way):
    """With one temporary of all elements, or one after the other of a chunk each."""
    array = run.open("r+")
    chunk = run.words if way == "arange" else int(way.removeprefix("chunks-")) // 8

    def work():
        for i in range(0, run.words, chunk):
            array[i:i + chunk] = numpy.arange(run.seed + i, run.seed + min(i + chunk, run.words),
                                              dtype="<u8")
        return 0
    run.repeated(work)


def copy(run, _):
    array = run.open("r+")
    half = run.words // 2

    def work():
        array[half:2 * half] = array[:half]
        return 0
    run.repeated(work)


def convert(source, target):
    """Into an array of its own each time, or into one that is there."""
    def work_of(run, way):
        array = run.open("r").view(source)
        results = [numpy.empty(array.shape, target)]

        def work():
            if way == "astype":
                results[0] = array.astype(target)
            else:
                numpy.copyto(results[0], array)
            return 0
        run.repeated(work)
        run.checksum = total(results[0].view(numpy.ndarray).view("<u8"))
    return work_of


def strided_sum(run, _):
    array = run.open("r")
    run.repeated(lambda: total(array[::8]))


def read_elements(run, _):
    array = run.open("r")

    def work():
        value = 0
        for i in range(run.count):
            value += int(array[i])
        return value
    run.repeated(work)


def write_elements(run, _):
    array = run.open("r+")

    def work():
        for i in range(run.count):
            array[i] = i
        return 0
    run.repeated(work)


def main():
    works = {"gather": gather, "stride": stride, "stream": stream, "stream-warm": stream_warm,
             "durable-write": durable_write, "tile": tile, "scatter": scatter,
             "fill": fill, "ramp": ramp, "copy": copy, "strided-sum": strided_sum,
             "convert-widen": convert(">f4", "<f8"), "convert-half": convert("<f2", "<f4"),
             "convert-swap": convert(">f8", "<f8"),
             "read-elements": read_elements, "write-elements": write_elements}
    work, way, path = sys.argv[1:4]
    run = Run(path, {name: int(value) for name, value in
                     (option.split("=") for option in sys.argv[4:])})
    works[work](run, way)
    print(json.dumps({"elapsed_ns": run.elapsed_ns, "flush_ns": run.flush_ns,
                      "checksum": f"{run.checksum:016x}"}))


main()
