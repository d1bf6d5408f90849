"""numpy and libmarray read each other's files, and agree on headers, strides, slices and casts.

The argument is libmarray.so; every call goes through its public functions.
"""
import ctypes
import itertools
import os
import sys
import tempfile
import unittest
import warnings

import numpy as np
from numpy.lib.format import open_memmap

READ_WRITE, READ, CREATE, COPY_ON_WRITE = range(4)
TYPES = ["|b1", "|i1", "|u1"] + [
    order + name
    for name in ("i2", "i4", "i8", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16")
    for order in "<>"
]
SHAPES = [(), (0,), (1,), (7,), (1000,), (3, 4), (1, 5), (5, 1), (0, 4), (4, 0, 3), (2, 3, 4),
          (10, 1, 10), (123, 45), (1,) * 20]
NONE = -(2**63)


class Spec(ctypes.Structure):
    _fields_ = [
        ("size_bytes", ctypes.c_size_t),
        ("mode", ctypes.c_int),
        ("dtype", ctypes.c_char_p),
        ("offset_bytes", ctypes.c_uint64),
        ("dimensions", ctypes.c_int),
        ("shape", ctypes.POINTER(ctypes.c_uint64)),
        ("order", ctypes.c_int),
        ("flags", ctypes.c_uint32),
        ("message", ctypes.c_char_p),
    ]


class Slice(ctypes.Structure):
    _fields_ = [("kind", ctypes.c_int), ("start", ctypes.c_int64), ("stop", ctypes.c_int64),
                ("step", ctypes.c_int64)]


def load(path):
    library = ctypes.CDLL(path)
    library.marray_shape.restype = ctypes.POINTER(ctypes.c_uint64)
    library.marray_strides.restype = ctypes.POINTER(ctypes.c_int64)
    library.marray_dtype.restype = ctypes.c_char_p
    library.marray_message.restype = ctypes.c_char_p
    library.marray_offset_bytes.restype = ctypes.c_uint64
    library.marray_data.restype = ctypes.c_void_p
    return library


class Array:
    """An open array; a context manager that closes it."""

    def __init__(self, handle):
        self.handle = handle

    @classmethod
    def open(cls, path, mode, dtype=None, shape=None, order="C", offset=0, npy=False):
        message = ctypes.create_string_buffer(512)
        axes = tuple(shape) if shape is not None else ()
        spec = Spec(ctypes.sizeof(Spec), mode, dtype.encode() if dtype else None, offset,
                    -1 if shape is None else len(axes),
                    (ctypes.c_uint64 * max(1, len(axes)))(*axes), "CF".index(order), 0,
                    ctypes.cast(message, ctypes.c_char_p))
        handle = ctypes.c_void_p()
        function = LIBRARY.marray_open_npy if npy else LIBRARY.marray_open
        status = function(os.fsencode(path), ctypes.byref(spec), ctypes.byref(handle))
        if status:
            raise OSError(-status, message.value.decode())
        return cls(handle)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.check(LIBRARY.marray_close(ctypes.byref(self.handle)))

    def check(self, status):
        if status:
            raise OSError(-status, LIBRARY.marray_message(self.handle).decode())

    @property
    def shape(self):
        count = LIBRARY.marray_dimensions(self.handle)
        return tuple(LIBRARY.marray_shape(self.handle)[i] for i in range(count))

    @property
    def strides(self):
        count = LIBRARY.marray_dimensions(self.handle)
        return tuple(LIBRARY.marray_strides(self.handle)[i] for i in range(count))

    @property
    def dtype(self):
        return LIBRARY.marray_dtype(self.handle).decode()

    @property
    def data(self):
        return LIBRARY.marray_data(self.handle)

    @property
    def offset(self):
        return LIBRARY.marray_offset_bytes(self.handle)

    def read(self, dtype=None):
        elements = np.empty(self.shape, dtype or self.dtype)
        self.check(LIBRARY.marray_read(self.handle, elements.dtype.str.encode(),
                                       elements.ctypes.data_as(ctypes.c_void_p),
                                       ctypes.c_size_t(elements.nbytes)))
        return elements

    def write(self, elements):
        dense = np.ascontiguousarray(elements)
        self.check(LIBRARY.marray_write(self.handle, dense.dtype.str.encode(),
                                        dense.ctypes.data_as(ctypes.c_void_p),
                                        ctypes.c_size_t(dense.nbytes)))

    def flush(self):
        self.check(LIBRARY.marray_flush(self.handle, 1))

    def __getitem__(self, key):
        parts = key if isinstance(key, tuple) else (key,)
        slices = (Slice * max(1, len(parts)))(*[to_slice(part) for part in parts])
        view = ctypes.c_void_p()
        self.check(LIBRARY.marray_slice(self.handle, slices, ctypes.c_size_t(len(parts)),
                                        ctypes.byref(view)))
        return Array(view)

    def make_view(self, function, *arguments):
        view = ctypes.c_void_p()
        self.check(function(self.handle, *arguments, ctypes.byref(view)))
        return Array(view)

    def transpose(self, axes):
        return self.make_view(LIBRARY.marray_transpose, (ctypes.c_int * len(axes))(*axes))

    def reshape(self, shape):
        return self.make_view(LIBRARY.marray_reshape, len(shape),
                              (ctypes.c_uint64 * max(1, len(shape)))(*shape))

    def field(self, name):
        return self.make_view(LIBRARY.marray_field, name.encode())

    def view_as(self, dtype):
        return self.make_view(LIBRARY.marray_view_as, dtype.encode())


def to_slice(part):
    if part is None:
        return Slice(2, 0, 0, 1)
    if part is Ellipsis:
        return Slice(3, 0, 0, 1)
    if isinstance(part, slice):
        ends = [NONE if end is None else end for end in (part.start, part.stop)]
        return Slice(0, *ends, 1 if part.step is None else part.step)
    return Slice(1, part, 0, 1)


def samples(dtype, shape, seed=1):
    """Every bit pattern is possible for integers; floats are finite, of many sizes."""
    generator = np.random.default_rng(seed)
    dtype = np.dtype(dtype)
    count = int(np.prod(shape, dtype=object))
    if dtype.kind in "fc":
        parts = generator.normal(size=2 * count) * 10.0 ** generator.integers(-3, 4, 2 * count)
        values = parts[:count] + 1j * parts[count:] if dtype.kind == "c" else parts[:count]
        return values.astype(dtype).reshape(shape)
    if dtype.kind == "b":
        return (generator.integers(0, 2, count) == 1).reshape(shape)
    raw = generator.integers(0, 256, count * dtype.itemsize, dtype="u1")
    return raw.view(dtype).reshape(shape)


class Interop(unittest.TestCase):
    def setUp(self):
        base = os.environ.get("TMPDIR", "/var/tmp")
        self.folder = tempfile.TemporaryDirectory(dir=base)
        self.path = os.path.join(self.folder.name, "data")

    def tearDown(self):
        self.folder.cleanup()

    def same(self, got, wanted):
        self.assertEqual(got.dtype.str, wanted.dtype.str)
        self.assertEqual(got.shape, wanted.shape)
        self.assertEqual(got.tobytes(), np.ascontiguousarray(wanted).tobytes())

    def test_a_million_doubles_of_numpy_are_read(self):
        values = samples("<f8", 1000000)
        for offset in (0, 1, 4097):
            with open(self.path, "wb") as file:
                file.write(b"x" * offset)
                file.write(values.tobytes())
            with Array.open(self.path, READ, "<f8", offset=offset) as array:
                self.assertEqual(array.shape, (1000000,))
                self.same(array.read(), values)

    def test_a_million_doubles_are_read_by_numpy(self):
        values = samples("<f8", 1000000)
        with Array.open(self.path, CREATE, "<f8", (1000000,)) as array:
            array.write(values)
            array.flush()
        self.same(np.asarray(np.memmap(self.path, "<f8", "r")), values)

    def test_npy_files_of_numpy_are_read(self):
        for dtype, shape, order in itertools.product(TYPES, SHAPES, "CF"):
            values = np.asarray(samples(dtype, shape), order=order)
            np.save(self.path + ".npy", values)
            with Array.open(self.path + ".npy", READ, npy=True) as array:
                self.assertEqual(array.dtype, values.dtype.str)
                self.same(array.read(), values)

    def test_npy_files_are_byte_for_byte_those_of_numpy(self):
        for dtype, shape, order in itertools.product(TYPES, SHAPES, "CF"):
            values = np.asarray(samples(dtype, shape), order=order)
            np.save(self.path + ".npy", values)
            with Array.open(self.path, CREATE, dtype, shape, order, npy=True) as array:
                array.write(values)
            with open(self.path, "rb") as mine, open(self.path + ".npy", "rb") as theirs:
                self.assertEqual(mine.read(), theirs.read(), (dtype, shape, order))
            self.same(np.load(self.path), values)

    def test_headers_of_every_length_are_those_of_numpy(self):
        for dimensions in range(1, 33):
            for length in (2, 1):
                values = np.zeros((length,) + (1,) * (dimensions - 1), "|u1")
                np.save(self.path + ".npy", values)
                with Array.open(self.path, CREATE, "|u1", values.shape, npy=True):
                    pass
                with open(self.path, "rb") as mine, open(self.path + ".npy", "rb") as theirs:
                    self.assertEqual(mine.read(), theirs.read(), dimensions)

    def test_created_npy_files_open_as_numpy_maps(self):
        with Array.open(self.path, CREATE, ">i4", (3, 4), "F", npy=True) as array:
            array.write(np.arange(12, dtype="<i8").reshape(3, 4))
            theirs = open_memmap(self.path, "r+")
            self.assertEqual(theirs.offset, array.offset)
            self.assertEqual(theirs.strides, array.strides)
            self.same(np.asarray(theirs), np.arange(12, dtype=">i4").reshape(3, 4))
            theirs[2, 3] = -5
            self.assertEqual(array.read()[2, 3], -5)

    def test_versions_two_and_three_are_read(self):
        values = samples("<i4", (5, 6))
        for version in ((1, 0), (2, 0), (3, 0)):
            with open(self.path, "wb") as file, warnings.catch_warnings():
                warnings.simplefilter("ignore")
                np.lib.format.write_array(file, values, version)
            with Array.open(self.path, READ, npy=True) as array:
                self.same(array.read(), values)

    def test_strides_are_those_of_memmap(self):
        for shape, order in itertools.product(SHAPES, "CF"):
            if 0 in shape:
                continue
            theirs = np.memmap(self.path, "<f8", "w+", shape=shape or (), order=order)
            with Array.open(self.path, READ, "<f8", shape, order) as array:
                self.assertEqual(array.strides, theirs.strides)

    def test_slices_are_those_of_numpy(self):
        values = np.arange(5 * 6 * 7, dtype="<i4").reshape(5, 6, 7)
        values.tofile(self.path)
        parts = [0, -1, 3, slice(None), slice(None, None, -1), slice(1, 4), slice(-3, None, 2),
                 slice(99, None, -3), slice(4, 1), slice(-99, 99, 4), None, Ellipsis]
        with Array.open(self.path, READ, "<i4", values.shape) as array:
            for count in (0, 1, 2, 3):
                for key in itertools.product(parts, repeat=count):
                    if sum(part is Ellipsis for part in key) > 1:
                        continue
                    wanted = values[key]
                    with array[key] as view:
                        self.same(view.read(), np.asarray(wanted))

    def test_transposed_slices_are_those_of_numpy(self):
        values = np.arange(70 * 80 * 9, dtype="<i4").reshape(70, 80, 9)
        values.tofile(self.path)
        with Array.open(self.path, READ, "<i4", values.shape) as array:
            for axes in itertools.permutations(range(3)):
                with array[::2, ::-1, 1:8:3] as part, part.transpose(axes) as view:
                    self.same(view.read(), values[::2, ::-1, 1:8:3].transpose(axes))
                    self.same(view.read(">f8"),
                              values[::2, ::-1, 1:8:3].transpose(axes).astype(">f8"))

    def test_conversions_are_those_of_astype(self):
        for source, target in itertools.product(TYPES, TYPES):
            values = samples(source, 3000)
            if values.dtype.kind in "fc" and np.dtype(target).kind in "iu":
                # Outside the integer's range C, and numpy with it, promises nothing.
                limits = np.iinfo(target)
                fits = (values.real > float(limits.min) - 1) & (values.real < float(limits.max))
                values = values[fits].astype(source)
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                wanted = values.astype(target)
            values.tofile(self.path)
            with Array.open(self.path, READ, source) as array:
                self.same(array.read(target), wanted)
            with Array.open(self.path, CREATE, target, values.shape) as array:
                array.write(values)
                self.same(array.read(), wanted)

    def check_astype(self, values, target):
        values.tofile(self.path)
        with Array.open(self.path, READ, values.dtype.str) as array, np.errstate(all="ignore"):
            self.same(array.read(target), values.astype(target))

    def test_every_half_is_the_one_of_numpy(self):
        """Bit by bit, NaNs and what is not quiet of them too."""
        for order in "<>":
            halves = np.arange(65536, dtype=order + "u2").view(order + "f2")
            for target in ("<f8", ">f8", "<f4", ">f4", "|b1"):
                self.check_astype(halves, target)
            integers = halves[np.isfinite(halves)]
            self.check_astype(integers, "<i4")
            self.check_astype(integers, ">i8")

    def test_floats_are_rounded_to_halves_as_numpy_does(self):
        """About every half and about the middle between two, on either side, and noise."""
        halves = np.arange(65536, dtype="<u2").view("<f2")
        noise = np.random.default_rng(20261124).integers(0, 2**64, 200000, dtype="<u8")
        for float_type, bits, middle in (("f4", "u4", 1 << 12), ("f8", "u8", 1 << 41)):
            with np.errstate(all="ignore"):
                exact = halves.astype("<" + float_type).view("<" + bits)
            about = np.concatenate([exact + np.array(step, bits)
                                    for step in (0, 1, middle - 1, middle, middle + 1)]
                                   + [exact - np.array(1, bits), noise.view("<" + bits)])
            for order in "<>":
                values = about.astype(order + bits).view(order + float_type)
                self.check_astype(values, "<f2")
                self.check_astype(values, ">f2")

    def test_reversed_and_strided_conversions_are_those_of_astype(self):
        """Lengths about those of vector registers and of blocks, at any alignment."""
        generator = np.random.default_rng(7)
        for source, target in itertools.product(TYPES, TYPES):
            length = int(generator.choice([1, 15, 17, 63, 65, 513, 1030]))
            step = int(generator.choice([-3, -2, -1, 2, 3]))
            offset = int(generator.integers(0, 17))
            values = generator.integers(0, 100, length).astype(source)
            with open(self.path, "wb") as file:
                file.write(b"x" * offset + values.tobytes())
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                wanted = values[::step].astype(target)
                back = wanted.astype(source)
            with Array.open(self.path, READ, source, offset=offset) as array, \
                    array[::step] as view:
                self.same(view.read(target), wanted)
            with Array.open(self.path, CREATE, target, values.shape, offset=offset) as array, \
                    array[::step] as view:
                view.write(back)
                self.same(view.read(), wanted)

    def test_ramps_are_those_of_numpy(self):
        """Integers are arange(); floats are rounded once, from doubles."""
        keys = [np.s_[:], np.s_[::-1], np.s_[::3, ::-2], np.s_[::-1, 5:1:-1, ::2], np.s_[1]]
        for dtype, key in itertools.product(TYPES, keys):
            kind = np.dtype(dtype).kind
            if kind in "bc":
                continue
            wide = "=f8" if kind == "f" else "=i8"
            start, step = (0.1, -0.3) if kind == "f" else (126, -1) if kind == "i" else (3, 1)
            numbers = np.array([start, step], wide)
            shape = (10, 11, 7) if kind == "f" else (4, 6, 5)
            theirs = np.zeros(shape, dtype)
            count = theirs[key].size
            ramp = np.arange(count, dtype=wide) * numbers[1] + numbers[0]
            theirs[key] = ramp.astype(dtype).reshape(theirs[key].shape)
            with Array.open(self.path, CREATE, dtype, shape) as array, array[key] as view:
                place = numbers.ctypes.data
                view.check(LIBRARY.marray_ramp(view.handle, wide.encode(), ctypes.c_void_p(place),
                                               ctypes.c_void_p(place + 8)))
                self.same(array.read(), theirs)

    def test_headers_that_numpy_refuses_are_refused(self):
        texts = ["{'descr': '<i2', 'fortran_order': False, 'shape': [3]}",
                 "{'descr': '<i2', 'fortran_order': 0, 'shape': (3,)}",
                 "{'descr': '<i2', 'fortran_order': False, 'shape': (3)}",
                 "{'descr': '<i2', 'fortran_order': False}", "{'descr': '|O', "
                 "'fortran_order': False, 'shape': (3,)}", "{", "", "[1]"]
        for text in texts:
            with open(self.path, "wb") as file:
                file.write(b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little"))
                file.write(text.encode() + b"\0" * 100)
            with self.assertRaises(Exception):
                open_memmap(self.path, "r")
            with self.assertRaises(OSError):
                Array.open(self.path, READ, npy=True)

    def test_headers_that_numpy_accepts_are_accepted(self):
        texts = ["{'shape': (3,), 'fortran_order': False, 'descr': '<i2'}",
                 '{"descr": "<i2", "fortran_order": False, "shape": (3,)}',
                 "{'descr': '<i2', 'fortran_order': True, 'shape': (3L,), }   "]
        for text in texts:
            with open(self.path, "wb") as file:
                file.write(b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little"))
                file.write(text.encode() + np.arange(5, dtype="<i2").tobytes())
            theirs = open_memmap(self.path, "r")
            with Array.open(self.path, READ, npy=True) as array:
                self.same(array.read(), np.asarray(theirs))


if __name__ == "__main__":
    LIBRARY = load(sys.argv.pop(1))
    unittest.main()
