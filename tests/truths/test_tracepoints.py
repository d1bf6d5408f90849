"""Tracepoints count what is known beforehand, read by their ids from tracefs, without debugfs.

Where tracefs is not mounted it is mounted in a mount namespace of this test's own, which ends with
it: nothing stays mounted.
"""
import ctypes
import os
import subprocess
import sys

from truths import MIB, Folder, counter, skip

TRACING = "/sys/kernel/tracing"
SIZE = 16 * MIB
EVENTS = ("exceptions:page_fault_user", "filemap:mm_filemap_add_to_page_cache")
SLACK = 16  # pages of code and stack that the phase touches for the first time


def enter_namespace():
    """Starts again in a namespace of its own, and comes back there."""
    if os.environ.get("MM_TRUTHS_NAMESPACE"):
        return
    environment = dict(os.environ, MM_TRUTHS_NAMESPACE="1")
    words = ["unshare", "--mount", "--propagation", "private", sys.executable, "-B", *sys.argv]
    sys.exit(subprocess.run(words, env=environment, check=False).returncode)


def mount_tracefs():
    if os.path.exists(f"{TRACING}/events"):
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"nodev", TRACING.encode(), b"tracefs", 0, None):
        skip(f"tracefs cannot be mounted here: {os.strerror(ctypes.get_errno())}")


def main():
    if os.geteuid() != 0:
        skip("tracepoints are for root")
    probe = subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False)
    if probe.returncode:
        skip("no mount namespace can be made here")
    enter_namespace()
    mount_tracefs()
    events = [word for event in EVENTS for word in ("--event", event)]
    with Folder() as folder:
        record = folder.run("-w", "sequential", "-e", "mmap", "-c", "cold", "-p", "advice=random",
                            "--size", str(SIZE), "--launches", "3", *events)
    case = record["cases"][0]
    if case["skipped"]:
        skip(f"no file can be cold here: {case['skipped']}")
    pages = SIZE // record["environment"]["page_bytes"]
    file = record["files"][0]
    for launch in record["launches"]:
        sample = launch["samples"][0]
        faults = counter(sample, "rusage_minor_faults", ["touch"])
        faults += counter(sample, "rusage_major_faults", ["touch"])
        user = counter(sample, "exceptions_page_fault_user", ["touch"])
        added = counter(sample, "filemap_mm_filemap_add_to_page_cache", ["touch"])
        for found in (user, added):
            if isinstance(found, str):
                if "refused" in found:
                    skip(found)
                raise AssertionError(found)
        print(f"{pages} pages: {faults} faults by getrusage, {user} user faults, {added} added")
        assert abs(user - faults) <= SLACK, (user, faults)
        # Each page on its own under MADV_RANDOM: not so on every file system.
        if file["filesystem"] == "ext4":
            assert abs(added - pages) <= SLACK, (added, pages)
            assert abs(user - pages) <= SLACK, (user, pages)
        for event in ("exceptions_page_fault_user", "filemap_mm_filemap_add_to_page_cache"):
            quality = launch["counter_quality"][event]
            assert quality["source"] == "perf" and quality["running_share"] == 1, quality


main()
