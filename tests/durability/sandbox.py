"""A place for tests that mount file systems: all of it goes when the test ends, however it ends.

enter() starts the script again in mount and process namespaces of its own. Mounts, processes and
loop devices (they clear themselves with the last mount) go with its first process, even when that is
killed; the folder of a killed test is removed by the next test, which finds no process of its name.
"""
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

PREFIX = "mapmeter-durability"
INSIDE = "MAPMETER_DURABILITY_FOLDER"


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(77)


def remove_leftovers(base):
    for name in os.listdir(base):
        match = re.fullmatch(PREFIX + r"-(\d+)-\w+", name)
        if match and not os.path.exists(f"/proc/{match[1]}"):
            shutil.rmtree(os.path.join(base, name), ignore_errors=True)


def enter(tools=("mkfs.ext4",), devices=("/dev/fuse",)):
    """Returns the test's own folder. Outside of the namespaces it does not return."""
    if INSIDE in os.environ:
        return os.environ[INSIDE]
    if os.geteuid() != 0:
        skip("file systems are mounted by root only")
    for tool in ("unshare", "mount", "umount", *tools):
        if not shutil.which(tool):
            skip(f"there is no {tool} here")
    for device in devices:
        if not os.path.exists(device):
            skip(f"there is no {device} here")
    command = ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child"]
    if subprocess.run([*command, "true"], check=False, stderr=subprocess.DEVNULL).returncode:
        skip("no namespace can be made here")
    base = os.environ.get("TMPDIR", "/var/tmp")
    remove_leftovers(base)
    # The number stays that of this process over exec, and is gone when the test is.
    folder = tempfile.mkdtemp(prefix=f"{PREFIX}-{os.getpid()}-", dir=base)
    os.environ[INSIDE] = folder
    os.execvp(command[0], [*command, sys.executable, "-B", *sys.argv])
    raise AssertionError("not reached")


def run(*command):
    subprocess.run(command, check=True)


class FaultyFs:
    """The file system faulty_fs, mounted as folder/mnt over folder/files."""

    def __init__(self, program, folder, *options):
        self.files = os.path.join(folder, "files")
        self.mount = os.path.join(folder, "mnt")
        self.control = os.path.join(folder, "control")
        os.makedirs(self.files, exist_ok=True)
        os.makedirs(self.mount, exist_ok=True)
        with open(self.control, "w", encoding="utf-8"):
            pass
        self.process = None
        self.command = [program, self.files, self.control, self.mount, *options]

    def __enter__(self):
        before = os.stat(self.mount).st_dev
        self.process = subprocess.Popen(self.command)
        deadline = time.monotonic() + 20
        while os.stat(self.mount).st_dev == before:
            if self.process.poll() is not None:
                skip("no FUSE file system can be mounted here")
            assert time.monotonic() < deadline, "the file system did not appear"
            time.sleep(0.01)
        self.let_pages_stay_dirty()
        return self

    def let_pages_stay_dirty(self):
        """Otherwise almost everything is written back before a flush asks for it."""
        device = os.stat(self.mount).st_dev
        settings = f"/sys/class/bdi/{os.major(device)}:{os.minor(device)}"
        for name, value in (("strict_limit", "0"), ("max_ratio", "100")):
            path = os.path.join(settings, name)
            if os.path.exists(path):
                with open(path, "w", encoding="utf-8") as setting:
                    setting.write(value)

    def __exit__(self, *_):
        subprocess.run(["umount", self.mount], check=False)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()


def leave(folder):
    shutil.rmtree(folder, ignore_errors=True)
