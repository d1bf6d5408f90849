"""A memory limit around a program: a group of its own under the controller of cgroup v1 or v2."""
import contextlib
import os
import time

V1 = "/sys/fs/cgroup/memory"
V2 = "/sys/fs/cgroup"


def _write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def _place():
    """The folder for groups, and the name of their limit; or None."""
    if os.path.exists(os.path.join(V1, "memory.limit_in_bytes")):
        return V1, "memory.limit_in_bytes"
    try:
        with open(os.path.join(V2, "cgroup.subtree_control"), encoding="ascii") as file:
            enabled = file.read().split()
    except OSError:
        return None
    return (V2, "memory.max") if "memory" in enabled else None


def why_not():
    """None, or why there is no limit to be had."""
    place = _place()
    if not place:
        return "no memory controller in /sys/fs/cgroup"
    return None if os.access(place[0], os.W_OK) else f"'{place[0]}' may not be written"


@contextlib.contextmanager
def limited(limit_bytes):
    """A function that puts the process that calls it under the limit; the group ends with the block."""
    folder, name = _place()
    group = os.path.join(folder, f"mapmeter-peers-{os.getpid()}")
    os.mkdir(group)
    try:
        _write(os.path.join(group, name), str(limit_bytes))
        yield lambda: _write(os.path.join(group, "cgroup.procs"), str(os.getpid()))
    finally:
        for _ in range(100):
            try:
                os.rmdir(group)
                break
            except OSError:  # a process that is ending counts for a moment
                time.sleep(0.02)
