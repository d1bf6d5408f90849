#!/usr/bin/env python3
"""What a run shows on a terminal, and what it does not without one."""

import os
import pty
import subprocess

import sandbox

RUN = ["mapmeter", "run", "-w", "sequential", "-e", "mmap", "-c", "warm", "--size", "1MiB",
       "--launches", "3"]


def on_terminal(box, out, **environment):
    """Standard output and standard error of a run on a terminal."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        RUN + ["--out", out], cwd=box.folder, env={**box.environment, "TERM": "xterm", **environment},
        stdin=subprocess.DEVNULL, stdout=follower, stderr=follower)
    os.close(follower)
    shown = b""
    while True:
        try:
            piece = os.read(leader, 65536)
        except OSError:  # Linux reports the other end's going as EIO
            break
        if not piece:
            break
        shown += piece
    os.close(leader)
    assert process.wait() == 0, shown
    return shown.decode()


def main():
    with sandbox.Sandbox() as box:
        shown = on_terminal(box, "plain")
        assert "of 3 launches, " in shown and " left" in shown, shown
        # The line is gone when the table comes.
        assert shown.rindex("\r\033[K") < shown.rindex("report: "), shown

        shown = on_terminal(box, "grey", NO_COLOR="1")
        assert "\033[3" not in shown and "\033[1m" not in shown, shown

        shown = on_terminal(box, "dumb", TERM="dumb")
        assert "\033" not in shown and "left" not in shown, shown

        done = subprocess.run(RUN + ["--out", "piped"], cwd=box.folder, env=box.environment,
                              capture_output=True, text=True, check=True)
        assert done.stderr == "", done.stderr
        assert "\033" not in done.stdout, done.stdout
    print("terminal: as expected")


if __name__ == "__main__":
    main()
