"""A thousand launches in one run: no descriptor, process, control group or file more at the end than
at the beginning."""
import os
import subprocess
import sys
import time
import uuid

from truths import Folder

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../support"))
from traces import control_groups, processes  # noqa: E402

LAUNCHES = 120
RUN = ["-w", "sequential,multiprocess", "-e", "mmap,pread", "-c", "cold,warm", "--size", "64KiB",
       "--launches", str(LAUNCHES)]
# Only where a memory limit is to be had; else planned skips. The limit is a quarter of the data.
PRESSURE = ["-w", "sequential", "-e", "mmap", "-c", "pressure", "--size", "64MiB", "--launches",
            "20"]


def look_at(pid):
    """How many descriptors and children the harness has; None when it is gone."""
    try:
        descriptors = len(os.listdir(f"/proc/{pid}/fd"))
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as stream:
            return descriptors, len(stream.read().split())
    except OSError:
        return None


def watch(folder, arguments, environment):
    """Looks at the harness all through a run: the looks, in order."""
    out = os.path.join(folder.path, f"watched-{uuid.uuid4().hex}")
    looks = []
    with subprocess.Popen([os.environ["MAPMETER"], "run", *arguments, "--data-dir", folder.data,
                           "--out", out, "-q"], env=environment, stdin=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            looks.append(look_at(process.pid))
            time.sleep(0.01)
        said = process.stderr.read()
    assert process.returncode == 0, said
    left = [name for parent, _, files in os.walk(out) for name in files if name.endswith(".tmp")]
    assert left == [], left
    return [look for look in looks if look]


def check_looks(looks):
    """What is open between launches, which every quarter of a run meets many times: a leak raises it.
    The most that a look finds is chance. In the first quarter the run has yet to open what it keeps."""
    quarter = len(looks) // 4
    assert quarter > 10, "the run was too short to be watched"
    early = min(descriptors for descriptors, _ in looks[quarter:2 * quarter])
    late = min(descriptors for descriptors, _ in looks[-quarter:])
    children = max(children for _, children in looks)
    print(f"{len(looks)} looks: at least {early} descriptors in the second quarter, {late} in the last; "
          f"at most {children} children")
    assert late <= early, (early, late)
    assert children <= 1, children


def main():
    mark = f"MAPMETER_TEST_MARK={uuid.uuid4().hex}"
    groups = control_groups()
    with Folder() as folder:
        temporary = os.path.join(folder.path, "tmp")
        os.mkdir(temporary)
        name, value = mark.split("=")
        environment = dict(os.environ, TMPDIR=temporary, **{name: value})
        for arguments in (RUN, PRESSURE):
            check_looks(watch(folder, arguments, environment))
            assert processes(mark.encode()) == []
            assert os.listdir(temporary) == [], os.listdir(temporary)
            assert control_groups() <= groups, control_groups() - groups
            strange = [name for name in os.listdir(folder.data) if not name.endswith(".dat") and name != ".mapmeter-locks"]
            assert strange == [], strange


main()
