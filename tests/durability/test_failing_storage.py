"""Runs failing_storage on the file system that fails, without and with write-back cache.

usage: test_failing_storage.py FAULTY_FS FAILING_STORAGE flush|reads|threads
"""
import subprocess
import sys

import sandbox


def main():
    folder = sandbox.enter()
    file_system, program, what = sys.argv[1:]
    try:
        for options in ((), ("writeback",)):
            with sandbox.FaultyFs(file_system, folder, *options) as fs:
                print("with", *(options or ["write-through"]), flush=True)
                status = subprocess.run([program, what, fs.mount, fs.files, fs.control],
                                        check=False).returncode
            if status:
                sys.exit(f"failing_storage {what} ended with {status}")
    finally:
        sandbox.leave(folder)


main()
