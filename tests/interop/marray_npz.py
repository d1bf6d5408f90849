"""libmarray maps the members of .npz files that numpy and zipfile write.

The argument is libmarray.so.
"""
import ctypes
import errno
import io
import os
import sys
import tempfile
import unittest
import zipfile

import numpy as np

READ_WRITE, READ, CREATE, COPY_ON_WRITE = range(4)


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


def open_member(path, member, mode=READ):
    """The member as an array of numpy's, or (errno, message)."""
    message = ctypes.create_string_buffer(512)
    spec = Spec(size_bytes=ctypes.sizeof(Spec), mode=mode, dimensions=-1,
                message=ctypes.cast(message, ctypes.c_char_p))
    handle = ctypes.c_void_p()
    status = marray.marray_open_npz(os.fsencode(path), member.encode(), ctypes.byref(spec),
                                    ctypes.byref(handle))
    if status:
        return -status, message.value.decode()
    try:
        count = marray.marray_dimensions(handle)
        shape = tuple(marray.marray_shape(handle)[i] for i in range(count))
        values = np.empty(shape, marray.marray_dtype(handle).decode())
        assert marray.marray_read(handle, None, values.ctypes.data_as(ctypes.c_void_p),
                                  ctypes.c_size_t(values.nbytes)) == 0
        return values
    finally:
        marray.marray_close(ctypes.byref(handle))


class Npz(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR", "/var/tmp"))
        self.addCleanup(self.folder.cleanup)
        self.path = os.path.join(self.folder.name, "file.npz")
        self.arrays = {
            "a": np.arange(12, dtype=">i2").reshape(3, 4),
            "fortran": np.asfortranarray(np.arange(30.0).reshape(5, 6)),
            "empty": np.zeros((0, 3), "<c16"),
            "scalar": np.float32(2.5),
            "folder/\u00e4": np.arange(5000, dtype="<u8"),
        }

    def check_all(self):
        for name, expected in self.arrays.items():
            for member in (name, name + ".npy"):
                for mode in (READ, COPY_ON_WRITE):
                    got = open_member(self.path, member, mode)
                    self.assertIsInstance(got, np.ndarray, (member, got))
                    np.testing.assert_array_equal(got, expected)
                    self.assertEqual(got.dtype, expected.dtype)

    def refuse(self, code, words, member="a", mode=READ):
        got = open_member(self.path, member, mode)
        self.assertIsInstance(got, tuple)
        self.assertEqual(errno.errorcode[got[0]], errno.errorcode[code], got[1])
        self.assertIn(words, got[1])

    def test_members_of_savez_are_mapped(self):
        np.savez(self.path, **self.arrays)
        self.check_all()

    def test_zip64_directories_are_read(self):
        limit, count = zipfile.ZIP64_LIMIT, zipfile.ZIP_FILECOUNT_LIMIT
        zipfile.ZIP64_LIMIT, zipfile.ZIP_FILECOUNT_LIMIT = 20, 2
        try:
            np.savez(self.path, **self.arrays)
        finally:
            zipfile.ZIP64_LIMIT, zipfile.ZIP_FILECOUNT_LIMIT = limit, count
        with open(self.path, "rb") as file:
            self.assertIn(b"PK\6\6", file.read())
        self.check_all()

    def test_something_before_and_a_comment_behind_are_accepted(self):
        np.savez(self.path, **self.arrays)
        with zipfile.ZipFile(self.path, "a") as archive:
            archive.comment = b"x" * 60000
        with open(self.path, "rb") as file:
            whole = file.read()
        with open(self.path, "wb") as file:
            file.write(b"#!/bin/sh\n" + whole)
        self.check_all()

    def test_of_two_members_of_one_name_the_last_counts(self):
        with zipfile.ZipFile(self.path, "w") as archive:
            for value in (1, 2):
                bytes_ = io.BytesIO()
                np.save(bytes_, np.array([value]))
                archive.writestr("a.npy", bytes_.getvalue())
        self.assertEqual(open_member(self.path, "a")[0], 2)

    def test_compressed_members_are_refused_with_the_remedy(self):
        np.savez_compressed(self.path, **self.arrays)
        self.refuse(errno.ENOTSUP, "numpy.savez instead of savez_compressed")

    def test_stores_are_refused(self):
        np.savez(self.path, **self.arrays)
        for mode in (READ_WRITE, CREATE):
            self.refuse(errno.ENOTSUP, "checksum", mode=mode)

    def test_what_is_missing_is_named(self):
        np.savez(self.path, **self.arrays)
        self.refuse(errno.ENOENT, "no member 'b'", member="b")
        with open(self.path, "wb") as file:
            file.write(b"no archive at all, but long enough to hold an end record")
        self.refuse(errno.EBADMSG, "no directory")

    def test_a_cut_or_changed_archive_is_never_read_outside(self):
        np.savez(self.path, a=np.arange(3))
        with open(self.path, "rb") as file:
            whole = file.read()
        for size in range(0, len(whole)):
            with open(self.path, "wb") as file:
                file.write(whole[:size])
            self.assertEqual(open_member(self.path, "a")[0], errno.EBADMSG, size)
        for place in range(len(whole)):
            changed = bytearray(whole)
            changed[place] ^= 0xff
            with open(self.path, "wb") as file:
                file.write(changed)
            open_member(self.path, "a")


if __name__ == "__main__":
    marray = ctypes.CDLL(sys.argv.pop(1))
    marray.marray_shape.restype = ctypes.POINTER(ctypes.c_uint64)
    marray.marray_dtype.restype = ctypes.c_char_p
    unittest.main()
