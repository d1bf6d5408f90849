"""What a run of mapmeter may leave behind: processes with a mark in their environment, and control
groups."""
import os
import re


def processes(mark):
    """Living ones with the bytes NAME=value in the environment that they started with."""
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/environ", "rb") as stream:
                if mark in stream.read().split(b"\0"):
                    found.append(int(entry))
        except OSError:
            continue
    return found


def own_groups():
    """The folders of the control groups of this process, as version 1 and 2 mount them."""
    with open("/proc/self/cgroup", encoding="ascii") as stream:
        for line in stream:
            _, controllers, path = line.rstrip("\n").split(":", 2)
            for mount in {"/sys/fs/cgroup", os.path.join("/sys/fs/cgroup", controllers)}:
                yield os.path.join(mount, path.lstrip("/"))


def control_groups():
    """Those of runs whose process is gone: others may measure at the same time."""
    found = set()
    for folder in filter(os.path.isdir, own_groups()):
        for name in os.listdir(folder):
            match = re.match(r"mapmeter-(\d+)-\d+$", name)
            if match and not os.path.exists(f"/proc/{match.group(1)}"):
                found.add(os.path.join(folder, name))
    return found
