"""Random arrays, views and assignments, done by numpy and by libmarray: both must come to the same.

A case opens a file of its own (raw or .npy, any dtype, byte order, shape, order, offset and mode),
makes a chain of views, assigns to them with broadcasting and conversion, flushes and opens again.
Shapes, strides, offsets, elements, the bytes of the files and the class of every error are compared.
The seed of a case is its number, counted from --seed: --seed N --count 1 is case N alone.
"""
import argparse
import ctypes
import errno
import os
import random
import shutil
import sys
import tempfile
import warnings

import numpy as np
from numpy.lib.format import open_memmap

import marray_numpy as interop

MODES = {"r+": interop.READ_WRITE, "r": interop.READ, "w+": interop.CREATE,
         "c": interop.COPY_ON_WRITE}
INTEGERS = ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"]
FLOATS = ["f2", "f4", "f8", "c8", "c16"]
UNITS = ["W", "D", "h", "m", "s", "ms", "us", "25s", "7D", "12h"]
# What libmarray may answer where numpy raises.
ERRORS = [
    (FileNotFoundError, {errno.ENOENT}),
    (UnicodeError, {errno.EILSEQ}),
    (IndexError, {errno.ERANGE, errno.EINVAL}),
    (AttributeError, {errno.EINVAL}),
    (KeyError, {errno.EINVAL}),
    (TypeError, {errno.EINVAL}),
    (OverflowError, {errno.ENODATA}),
    (ValueError, {errno.EINVAL, errno.ENODATA, errno.EACCES}),
]


class Difference(Exception):
    """The two did not come to the same."""


class Deviation(Exception):
    """A deliberate difference, after which the case has no more to compare."""


def text_of(dtype):
    """The descr as both know it."""
    return repr(dtype.descr) if dtype.names is not None else dtype.str


def pick_simple(rng):
    kind = rng.choice(["number"] * 6 + ["b", "S", "U", "V", "M", "m"])
    order = rng.choice("<>")
    if kind == "number":
        return order + rng.choice(INTEGERS + FLOATS)
    if kind == "b":
        return "|b1"
    if kind in "SUV":
        return order + kind + str(rng.randint(1, 9))
    return order + kind + "8" + rng.choice(["", "[" + rng.choice(UNITS) + "]"])


def pick_record(rng, depth):
    fields = []
    for number in range(rng.randint(1, 4)):
        name = "abcd"[number] * rng.randint(1, 3)
        if rng.random() < 0.1:
            name = rng.choice(["it's ", 'a "b" ', "\\", "\xe9", "\u4e2d", "tab\t"]) + name
        if rng.random() < 0.1:
            name = ("title " + name, name)
        nested = depth < 2 and rng.random() < 0.2
        dtype = pick_record(rng, depth + 1) if nested else np.dtype(pick_simple(rng))
        if rng.random() < 0.25:
            shape = tuple(rng.randint(1, 3) for _ in range(rng.randint(1, 2)))
            fields.append((name, dtype, shape))
        else:
            fields.append((name, dtype))
    return np.dtype(fields, align=rng.random() < 0.5)


def pick_dtype(rng):
    return pick_record(rng, 0) if rng.random() < 0.25 else np.dtype(pick_simple(rng))


def values_of(rng, dtype, shape):
    """Values that every conversion of the cases keeps defined."""
    array = np.zeros(shape, dtype)
    if dtype.names is not None:
        for name in dtype.names:
            array[name] = values_of(rng, array[name].dtype, array[name].shape)
        return array
    count = int(np.prod(shape, dtype=object))
    numbers = [rng.randint(0, 100) for _ in range(count)]
    if dtype.kind in "SU":
        letters = [chr(97 + number % 26) * (number % 11) for number in numbers]
        flat = np.array(letters, dtype) if count else np.zeros(0, dtype)
    elif dtype.kind == "V":
        flat = np.frombuffer(rng.randbytes(count * dtype.itemsize), dtype).copy()
    elif dtype.kind in "fc":
        flat = np.array([number + rng.choice([0, 0.25, 0.5]) for number in numbers], dtype)
    elif dtype.kind in "Mm":
        flat = np.array([rng.choice([number, number * 1000, -number, -(2**63)])
                         for number in numbers], "i8").astype(dtype)
    else:
        flat = np.array(numbers, "i8").astype(dtype)
    # numpy 1.24 forgets the byte order of times without units in astype().
    array.reshape(-1)[...] = flat
    return array


def partner_of(rng, dtype, wild):
    """A dtype that converts to and from dtype in both, or in neither."""
    if wild or rng.random() < 0.3:
        return dtype.newbyteorder() if rng.random() < 0.5 else dtype
    if dtype.names is not None:
        if rng.random() < 0.8:
            return dtype.newbyteorder()
        # Another number of fields; one alone converts to anything in numpy.
        return np.dtype([(f"f{i}", "i1") for i in range(len(dtype.names) + 1 + (rng.random() < 0.5))])
    order = rng.choice("<>")
    numbers = INTEGERS + FLOATS
    if dtype.kind in "biufc":
        return np.dtype(rng.choice(["|b1"] + [order + name for name in numbers]))
    if dtype.kind in "Mm":
        unit = rng.choice(["", "[" + rng.choice(UNITS) + "]"])
        return np.dtype(rng.choice([order + dtype.kind + "8" + unit, order + "i8"]))
    if dtype.kind in "SU":
        return np.dtype(order + rng.choice("SU") + str(rng.randint(1, 9)))
    return np.dtype("V" + str(rng.randint(1, 9)))


def broadcast_shape(rng, shape):
    """A shape that mostly can be repeated over shape."""
    picked = [1 if rng.random() < 0.25 else length for length in shape]
    if rng.random() < 0.3:
        picked = picked[rng.randint(0, len(picked)):]
    if rng.random() < 0.1:
        picked = [1] + picked
    if picked and rng.random() < 0.08:
        picked[rng.randrange(len(picked))] += 1
    return tuple(picked)


def both(what, theirs, ours, is_empty=False):
    """Runs both; their results, or None when both refuse in the same way. Of assignments of no
    elements numpy 1.24 does some that it refuses for others; libmarray refuses a pair of dtypes
    always."""
    failed = None
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            wanted = theirs()
    except Exception as error:  # every refusal of numpy counts
        failed = error
    try:
        got = ours()
    except OSError as error:
        if failed is None and is_empty and error.errno == errno.EINVAL:
            return None
        if failed is None:
            raise Difference(f"{what}: numpy does it, libmarray says {error}") from error
        allowed = next((codes for kind, codes in ERRORS if isinstance(failed, kind)), set())
        if error.errno not in allowed:
            raise Difference(f"{what}: numpy says {failed!r}, libmarray {error}") from error
        return None
    if failed is not None:
        if isinstance(got, interop.Array):
            got.close()
        raise Difference(f"{what}: numpy says {failed!r}, libmarray does it")
    return wanted, got


class Case:
    """One array in two files, and what is done to both."""

    def __init__(self, seed, folder):
        self.rng = random.Random(seed)
        self.paths = [os.path.join(folder, name) for name in ("theirs", "ours")]
        self.open_views = []
        self.steps = []
        self.wild = False

    def note(self, step):
        self.steps.append(step)
        return step

    # Files and arrays

    def pick_array(self):
        rng = self.rng
        self.npy = rng.random() < 0.35
        self.mode = rng.choice(list(MODES))
        self.order = rng.choice("CF")
        self.dtype = pick_dtype(rng)
        self.shape = tuple(rng.choice([0, 1, 2, 2, 3, 4, 5, 7][0 if rng.random() < 0.1 else 1:])
                           for _ in range(rng.choice([0, 1, 1, 2, 2, 3, 4])))
        self.offset = 0 if self.npy else rng.choice([0, 0, 1, 3, 64, 4095, 4096, 5000])
        self.infer = not self.npy and self.mode != "w+" and rng.random() < 0.15
        self.note(f"{'npy' if self.npy else 'raw'} {self.mode} {text_of(self.dtype)} {self.shape} "
                  f"{self.order} offset {self.offset}{' inferred' if self.infer else ''}")

    def write_files(self):
        rng = self.rng
        fate = rng.random()
        values = values_of(rng, self.dtype, self.shape)
        if self.npy:
            np.save(self.paths[0] + ".npy", np.asarray(values, order=self.order))
            with open(self.paths[0] + ".npy", "rb") as file:
                content = file.read()
        else:
            content = rng.randbytes(self.offset) + values.tobytes(self.order)
        if fate < 0.05:
            self.note("no file")
            for path in self.paths:
                if os.path.exists(path):
                    os.unlink(path)
            return
        if fate < 0.15:
            content += rng.randbytes(rng.randint(1, 50))
        elif fate < 0.25 and not self.npy:
            content = content[:max(0, len(content) - rng.randint(1, 50))]
        elif fate < 0.28 and self.npy:
            content = content[:-1]
        self.note(f"file of {len(content)} bytes")
        for path in self.paths:
            with open(path, "wb") as file:
                file.write(content)

    def numpy_opens(self, mode):
        if self.npy:
            if mode == "w+":
                # As numpy.save() has it: what is contiguous both ways is C.
                both_ways = sum(length > 1 for length in self.shape) <= 1 or 0 in self.shape
                array = open_memmap(self.paths[0], mode, self.dtype, self.shape,
                                    self.order == "F" and not both_ways)
            else:
                array = open_memmap(self.paths[0], mode)
        else:
            array = np.memmap(self.paths[0], self.dtype, mode, self.offset,
                              None if self.infer else self.shape, self.order)
        return array

    def marray_opens(self, mode):
        gives = not self.npy or mode == "w+"
        return interop.Array.open(self.paths[1], MODES[mode], text_of(self.dtype) if gives else None,
                                  self.shape if gives and not self.infer else None,
                                  self.order if gives else "C", self.offset, self.npy)

    def check_deviations(self, mode):
        """Where numpy's map of an empty file fails and ours does not, and where numpy reads a .npy
        that is too short but for its zeros."""
        if mode == "w+":
            size = 0
        elif os.path.exists(self.paths[0]):
            size = os.path.getsize(self.paths[0])
        else:
            return
        empty = 0 in self.shape
        if empty or (size == 0 and self.infer) or (self.infer and size == self.offset):
            raise Deviation("arrays without elements: numpy refuses some that libmarray opens")

    def open_both(self, mode):
        self.check_deviations(mode)
        opened = both(f"open {mode}", lambda: self.numpy_opens(mode),
                      lambda: self.marray_opens(mode))
        if opened is None:
            self.same_files()
        return opened

    # Comparing

    def same_files(self):
        contents = []
        for path in self.paths:
            contents.append(open(path, "rb").read() if os.path.exists(path) else None)
        if contents[0] != contents[1]:
            raise Difference(f"the files differ: {contents[0]!r:.300} and {contents[1]!r:.300}")

    def same_layout(self, theirs, ours):
        if theirs.shape != ours.shape:
            raise Difference(f"shape {theirs.shape} and {ours.shape}")
        if text_of(theirs.dtype) != ours.dtype:
            raise Difference(f"dtype {text_of(theirs.dtype)} and {ours.dtype}")
        if theirs.size == 0:
            return
        strides = zip(theirs.shape, theirs.strides, ours.strides)
        if any(length > 1 and wanted != got for length, wanted, got in strides):
            raise Difference(f"strides {theirs.strides} and {ours.strides}")
        moved = theirs.ctypes.data - self.theirs.ctypes.data
        if moved != ours.offset - self.ours.offset:
            raise Difference(f"offset {moved} and {ours.offset - self.ours.offset}")

    def same_elements(self, theirs, ours):
        partner = partner_of(self.rng, theirs.dtype, self.wild)
        wanted = np.zeros(theirs.shape, partner)
        got = np.zeros(theirs.shape, partner)
        what = self.note(f"read as {text_of(partner)}")

        def assign():
            wanted[...] = theirs

        if both(what, assign, lambda: self.read_into(ours, got), not theirs.size) is None:
            return
        if wanted.tobytes() != got.tobytes():
            raise Difference(f"{what}: {wanted!r:.300} and {got!r:.300}")

    @staticmethod
    def read_into(array, target):
        array.check(interop.LIBRARY.marray_read(
            array.handle, text_of(target.dtype).encode(), target.ctypes.data_as(ctypes.c_void_p),
            ctypes.c_size_t(target.nbytes)))

    # Views

    def pick_key(self, shape):
        rng = self.rng
        key = []
        for length in shape[:rng.randint(0, len(shape))]:
            if rng.random() < 0.2:
                outside = rng.random() < 0.04 or length == 0
                key.append(length + 1 if outside else rng.randrange(-length, length))
            else:
                ends = [rng.choice([None, rng.randint(-length - 2, length + 2)]) for _ in range(2)]
                key.append(slice(*ends, rng.choice([None, 1, 1, 2, 3, -1, -2])))
        if rng.random() < 0.15:
            key.insert(rng.randint(0, len(key)), None)
        if rng.random() < 0.04:
            key += [0] * (len(shape) + 1 - len(key))
        # The ellipsis also keeps numpy from turning one element into a scalar.
        key.insert(len(key) if rng.random() < 0.7 else rng.randint(0, len(key)), Ellipsis)
        return tuple(key)

    def view_slice(self, theirs, ours):
        key = self.pick_key(theirs.shape)
        what = self.note(f"[{key}]")
        return both(what, lambda: theirs[key], lambda: ours[key])

    def view_transpose(self, theirs, ours):
        axes = list(range(theirs.ndim))
        self.rng.shuffle(axes)
        return both(self.note(f"transpose {axes}"), lambda: theirs.transpose(axes),
                    lambda: ours.transpose(axes))

    def view_field(self, theirs, ours):
        names = theirs.dtype.names or ()
        name = "missing" if not names or self.rng.random() < 0.05 else self.rng.choice(names)
        what = self.note(f"field {name!r}")
        return both(what, lambda: theirs[name], lambda: ours.field(name))

    def view_dtype(self, theirs, ours):
        rng = self.rng
        dtype = pick_dtype(rng)
        if rng.random() < 0.6:
            size = rng.choice([theirs.dtype.itemsize, 1, 2, 4, 8])
            dtype = np.dtype(f"V{size}" if size not in (1, 2, 4, 8) else f"<u{size}")
        viewed = both(self.note(f"view {text_of(dtype)}"), lambda: theirs.view(dtype),
                      lambda: ours.view_as(text_of(dtype)))
        self.wild = self.wild or viewed is not None
        return viewed

    def view_reshape(self, theirs, ours):
        rng = self.rng
        left = theirs.size
        shape = []
        while left > 1 and len(shape) < 4:
            factor = rng.choice([n for n in range(1, left + 1) if left % n == 0][:8])
            shape.append(factor)
            left //= factor
        shape.append(left)
        if rng.random() < 0.1:
            shape[0] += 1
        rng.shuffle(shape)

        def theirs_reshaped():
            view = theirs.view()
            view.shape = shape  # refuses what needs a copy
            return view

        return both(self.note(f"reshape {shape}"), theirs_reshaped, lambda: ours.reshape(shape))

    def make_views(self):
        self.views = [(self.theirs, self.ours)]
        for _ in range(self.rng.choice([0, 1, 2, 3, 3, 4, 5])):
            theirs, ours = self.rng.choice(self.views[-2:])
            ways = [self.view_slice, self.view_slice, self.view_transpose, self.view_reshape]
            if theirs.dtype.names is not None:
                ways += [self.view_field] * 3
            if self.rng.random() < 0.3:
                ways = [self.view_dtype]
            made = self.rng.choice(ways)(theirs, ours)
            if made is None:
                continue
            self.open_views.append(made[1])
            self.same_layout(*made)
            self.views.append(made)

    # Assignments

    def assign_write(self, theirs, ours):
        values = values_of(self.rng, partner_of(self.rng, theirs.dtype, self.wild), theirs.shape)
        what = self.note(f"write {text_of(values.dtype)}")

        def assign():
            theirs[...] = values

        text = text_of(values.dtype).encode()
        return both(what, assign, lambda: ours.check(interop.LIBRARY.marray_write(
            ours.handle, text, values.ctypes.data_as(ctypes.c_void_p),
            ctypes.c_size_t(values.nbytes))), not theirs.size)

    def assign_fill(self, theirs, ours):
        value = values_of(self.rng, partner_of(self.rng, theirs.dtype, self.wild), ())
        what = self.note(f"fill {text_of(value.dtype)}")

        def assign():
            theirs[...] = value

        text = text_of(value.dtype).encode()
        return both(what, assign, lambda: ours.check(interop.LIBRARY.marray_fill(
            ours.handle, text, value.ctypes.data_as(ctypes.c_void_p))), not theirs.size)

    def assign_copy(self, theirs, ours):
        """From another view of the same array, which may overlap, or from an array in a file of its
        own, with a shape that is repeated."""
        rng = self.rng
        others = [pair for pair in self.views if pair[0].dtype == theirs.dtype]
        if rng.random() < 0.5:
            return self.copy(theirs, ours, *rng.choice(others))
        values = values_of(rng, partner_of(rng, theirs.dtype, self.wild),
                           broadcast_shape(rng, theirs.shape))
        path = self.paths[1] + ".source"
        with interop.Array.open(path, interop.CREATE, text_of(values.dtype),
                                values.shape) as source:
            if values.size:
                ctypes.memmove(interop.LIBRARY.marray_data(source.handle), values.ctypes.data,
                               values.nbytes)
            return self.copy(theirs, ours, values, source)

    def copy(self, theirs, ours, values, source):
        what = self.note(f"copy {text_of(values.dtype)} {values.shape}")

        def assign():
            theirs[...] = values

        return both(what, assign, lambda: ours.check(
            interop.LIBRARY.marray_copy(ours.handle, source.handle)), not theirs.size)

    def make_assignments(self):
        for _ in range(self.rng.randint(0, 3)):
            theirs, ours = self.rng.choice(self.views)
            before = self.memory(self.theirs.ctypes.data)
            assign = self.rng.choice([self.assign_write, self.assign_fill, self.assign_copy,
                                      self.assign_copy])
            if assign(theirs, ours) is None:
                # Refused in the middle or before it: go on from where both began.
                if self.mode != "r":
                    for address in (self.theirs.ctypes.data, self.ours.data):
                        ctypes.memmove(address, before, len(before))
            elif self.memory(self.theirs.ctypes.data) != self.memory(self.ours.data):
                raise Difference("the elements differ after it")

    def memory(self, address):
        """All bytes of an array, with what lies between fields."""
        return ctypes.string_at(address, self.theirs.nbytes) if self.theirs.nbytes else b""

    # The whole

    def run(self):
        self.pick_array()
        self.write_files()
        opened = self.open_both(self.mode)
        if opened is None:
            return
        memmap, self.ours = opened
        self.open_views.append(self.ours)
        self.theirs = np.asarray(memmap)
        if self.theirs.dtype != self.dtype and text_of(self.theirs.dtype) != text_of(self.dtype):
            raise Difference(f"numpy opened {self.theirs.dtype}")
        self.same_layout(self.theirs, self.ours)
        self.make_views()
        self.make_assignments()
        for theirs, ours in self.views[-2:]:
            self.same_elements(theirs, ours)
        memmap.flush()
        self.ours.flush()
        self.same_files()
        self.close()
        self.mode = "r"
        with self.marray_opens("r") as again:
            self.theirs = np.asarray(self.numpy_opens("r"))
            self.ours = again
            self.same_layout(self.theirs, again)

    def close(self):
        for view in reversed(self.open_views):
            view.close()
        self.open_views = []


def run_cases(options, folder):
    deviations = 0
    for seed in range(options.seed, options.seed + options.count):
        case = Case(seed, folder)
        try:
            case.run()
        except Deviation:
            deviations += 1
        except Difference as difference:
            print(f"case {seed}: {difference}")
            for step in case.steps:
                print(f"  {step}")
            print(f"alone: {sys.argv[0]} {options.library} --seed {seed} --count 1")
            return 1
        finally:
            case.close()
    compared = options.count - deviations
    print(f"{options.count} cases from seed {options.seed} agree with numpy {np.__version__}: "
          f"{compared} to the end, {deviations} where numpy refuses arrays without elements")
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("library")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=20000)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    interop.LIBRARY = interop.load(options.library)
    # Memory, where there is some: 20,000 flushes need no disk to be compared.
    base = os.environ.get("TMPDIR") or ("/dev/shm" if os.access("/dev/shm", os.W_OK) else "/var/tmp")
    folder = tempfile.mkdtemp(dir=base)
    try:
        return run_cases(options, folder)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
