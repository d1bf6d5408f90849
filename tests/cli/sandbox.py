"""A folder for one test of the command line: the program, some files of a user, nothing else."""

import os
import shutil
import struct
import subprocess
import tempfile


class Sandbox:
    """Context manager; everything is removed at its end.

    folder        the current folder of the commands
    environment   theirs; 'mapmeter' is found by PATH, data files go to folder/cache
    $AS_USER      before a command: run it without root's rights (empty for an ordinary user)
    $SMALL_DISK   before a command: with a file system of 3 MiB at folder/disk
    """

    def __init__(self):
        base = os.environ.get("TMPDIR", "/var/tmp")
        self.top = tempfile.mkdtemp(prefix="mapmeter-cli-", dir=base)
        os.chmod(self.top, 0o755)
        self.folder = os.path.join(self.top, "box")
        binaries = os.path.join(self.top, "bin")
        os.mkdir(self.folder)
        os.mkdir(binaries)
        # A copy, since another user may not get at the build folder.
        shutil.copy(os.environ["MAPMETER"], os.path.join(binaries, "mapmeter"))
        self.environment = {
            "PATH": binaries + ":" + os.environ.get("PATH", "/usr/bin:/bin"),
            "HOME": self.folder,
            "LC_ALL": "C.UTF-8",
            "MAPMETER_NO_WARNINGS": "1",
            "MAPMETER_DATA_DIR": os.path.join(self.folder, "cache"),
            "AS_USER": "setpriv --reuid=65534 --regid=65534 --clear-groups" if self.is_root() else "",
            "SMALL_DISK": self.small_disk(),
        }
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"):
            if name in os.environ:
                self.environment[name] = os.environ[name]
        self.make_files()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        shutil.rmtree(self.top)

    @staticmethod
    def is_root():
        return os.geteuid() == 0

    def small_disk(self):
        script = os.path.join(self.top, "bin", "small-disk")
        with open(script, "w", encoding="utf-8") as stream:
            stream.write('#!/bin/sh\nmount -t tmpfs -o size=3m none disk && exec "$@"\n')
        os.chmod(script, 0o755)
        return f"unshare {'--mount' if self.is_root() else '--map-root-user --mount'} small-disk"

    def lacks(self, ability):
        """Why the ability is not to be had, or None."""
        assert ability == "small-disk"
        probe = subprocess.run(["sh", "-c", "$SMALL_DISK true"], cwd=self.folder,
                               env=self.environment, capture_output=True, check=False)
        if probe.returncode == 0:
            return None
        return "no file system can be mounted here: " + probe.stderr.decode().strip()

    def write(self, name, content):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as stream:
            stream.write(content)
        return path

    def make_files(self):
        """What a user might have lying around."""
        numbers = struct.pack("<1000d", *range(1000))
        header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000,), }"
        header += b" " * (128 - 10 - 1 - len(header)) + b"\n"
        self.write("data.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header +
                   numbers)
        self.write("cut.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header +
                   numbers[:4000])
        self.write("raw.bin", bytes(range(250)) * 4)
        self.write("empty.bin", b"")
        self.write("secret.bin", b"x" * 4096)
        self.write("full/something", b"kept")
        os.chmod(os.path.join(self.folder, "secret.bin"), 0)
        os.mkdir(os.path.join(self.folder, "folder"))
        os.mkdir(os.path.join(self.folder, "disk"))
