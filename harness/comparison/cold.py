"""Taking files out of the page cache and looking whether they are gone: cachestat(2), Linux 6.5."""
import ctypes
import os

CACHESTAT = 451
LIBC = ctypes.CDLL(None, use_errno=True)


class Range(ctypes.Structure):
    _fields_ = [("offset", ctypes.c_uint64), ("length", ctypes.c_uint64)]


class Counts(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in
                ("cached", "dirty", "writeback", "evicted", "recently_evicted")]


def resident_share(path):
    """Of the file's pages, how many are in the page cache: 0 to 1."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        counts = Counts()
        if LIBC.syscall(CACHESTAT, descriptor, ctypes.byref(Range(0, 0)), ctypes.byref(counts), 0):
            error = ctypes.get_errno()
            raise SystemExit(f"ci/peers: cachestat of '{path}': {os.strerror(error)}; cold cannot be "
                             "verified here: it needs Linux 6.5 and a file of one's own")
        pages = max(1, -(-os.fstat(descriptor).st_size // os.sysconf("SC_PAGESIZE")))
        return counts.cached / pages
    finally:
        os.close(descriptor)


def make_cold(path):
    """Returns the share that is left, which nobody maps: at most 1 in 100, or it is an error."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)
    share = resident_share(path)
    if share > 0.01:
        raise SystemExit(f"ci/peers: {share:.1%} of '{path}' stayed in the page cache: who has it "
                         "mapped?")
    return share


def make_warm(path):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_SEQUENTIAL)
        while os.read(descriptor, 1 << 20):
            pass
    finally:
        os.close(descriptor)
    share = resident_share(path)
    if share < 0.99:
        raise SystemExit(f"ci/peers: only {share:.1%} of '{path}' stays in the page cache")
    return share
