#!/usr/bin/env python3
"""Runs one file of golden command lines (cases/*.t) and compares what they print and leave behind.

A file is read line by line:

    # text                 a comment
    file NAME              makes a file of the lines below that begin with '| '
    needs WORD             skips the whole file (exit 77) where WORD is not to be had: small-disk
    $ COMMAND              runs a shell command in the sandbox; 'mapmeter' is the program under test
    1> LINE, 2> LINE       what it must print on standard output and on standard error
    exit N                 its exit code (0 without such a line)
    makes GLOB             paths that it may make or change; '*' goes across '/'

In expected lines '*' stands for anything; a line '...' for any number of lines. Whatever a command
makes, changes or removes without a 'makes' line is a failure: so every refused command is also
proven to leave nothing behind, and the user's files to be the same to the byte.

--bless writes what was printed into the file, for a person to read and to put the '*' in.
"""

import argparse
import fnmatch
import hashlib
import os
import re
import stat
import subprocess
import sys

import sandbox

SKIPPED = 77


class Command:
    def __init__(self, text, line):
        self.text = text
        self.line = line
        self.expected = {"1": [], "2": []}
        self.exit_code = 0
        self.makes = []


def parse(path):
    """The steps of a file: ('file', name, text), ('needs', word) and Command objects."""
    steps = []
    for number, line in enumerate(open(path, encoding="utf-8").read().splitlines(), 1):
        word, _, rest = line.partition(" ")
        last = steps[-1] if steps else None
        if not line.strip() or word == "#":
            continue
        if word == "file":
            steps.append(["file", rest, ""])
        elif word == "|" and isinstance(last, list):
            last[2] += rest + "\n"
        elif word == "needs":
            steps.append(["needs", rest, ""])
        elif word == "$":
            steps.append(Command(rest, number))
        elif word in ("1>", "2>") and isinstance(last, Command):
            last.expected[word[0]].append(rest)
        elif word == "exit" and isinstance(last, Command):
            last.exit_code = int(rest)
        elif word == "makes" and isinstance(last, Command):
            last.makes.append(rest)
        else:
            sys.exit(f"{path}:{number}: not understood: {line}")
    return steps


def line_matches(pattern, line):
    parts = [re.escape(part) for part in pattern.split("*")]
    return re.fullmatch(".*".join(parts), line) is not None


def lines_match(patterns, lines):
    if not patterns:
        return not lines
    if patterns[0] == "...":
        return any(lines_match(patterns[1:], lines[skip:]) for skip in range(len(lines) + 1))
    return bool(lines) and line_matches(patterns[0], lines[0]) and lines_match(
        patterns[1:], lines[1:])


def snapshot(folder):
    """Every path below folder with its kind, mode and content."""
    found = {}
    for parent, folders, files in os.walk(folder):
        for name in folders + files:
            path = os.path.join(parent, name)
            state = os.lstat(path)
            content = ""
            if stat.S_ISLNK(state.st_mode):
                content = os.readlink(path)
            elif stat.S_ISREG(state.st_mode) and os.access(path, os.R_OK):
                with open(path, "rb") as stream:
                    content = hashlib.sha256(stream.read()).hexdigest()
            elif stat.S_ISREG(state.st_mode):
                content = f"{state.st_size} bytes, changed {state.st_mtime_ns}"
            found[os.path.relpath(path, folder)] = (stat.S_IFMT(state.st_mode), content)
    return found


def changes(before, after, allowed):
    changed = [path for path in sorted(before.keys() | after.keys())
               if before.get(path) != after.get(path)]
    return [path for path in changed if not any(fnmatch.fnmatch(path, glob) for glob in allowed)]


def run_command(command, box):
    before = snapshot(box.folder)
    done = subprocess.run(["sh", "-c", command.text], cwd=box.folder, env=box.environment,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=100)
    problems = []
    printed = {"1": done.stdout.decode().splitlines(), "2": done.stderr.decode().splitlines()}
    # The sandbox has another name every time.
    printed = {stream: [line.replace(box.folder, "SANDBOX") for line in lines]
               for stream, lines in printed.items()}
    for stream, name in (("1", "standard output"), ("2", "standard error")):
        if not lines_match(command.expected[stream], printed[stream]):
            problems.append(f"{name} is not as expected:\n" +
                            "".join(f"    {stream}> {line}\n" for line in printed[stream]) +
                            "  expected:\n" +
                            "".join(f"    {stream}> {line}\n"
                                    for line in command.expected[stream]))
    if done.returncode != command.exit_code:
        problems.append(f"exit code {done.returncode}, expected {command.exit_code}")
    touched = changes(before, snapshot(box.folder), command.makes)
    if touched:
        problems.append("made, changed or removed: " + ", ".join(touched))
    return problems, printed, done.returncode


def bless(path, results):
    """Rewrites the expectations of the commands that failed."""
    lines = open(path, encoding="utf-8").read().splitlines()
    out = []
    inside = None
    for number, line in enumerate(lines, 1):
        word = line.partition(" ")[0]
        if inside and word in ("1>", "2>", "exit"):
            continue
        inside = None
        out.append(line)
        if number in results:
            printed, code = results[number]
            inside = True
            out += [f"{stream}> {text}" for stream in "12" for text in printed[stream]]
            out += [f"exit {code}"] if code else []
    with open(path, "w", encoding="utf-8") as stream:
        stream.write("\n".join(out) + "\n")


def main():
    parser = argparse.ArgumentParser(description="Runs one file of golden command lines.")
    parser.add_argument("file")
    parser.add_argument("--bless", action="store_true", help="accept what is printed now")
    options = parser.parse_args()
    steps = parse(options.file)
    failures = 0
    results = {}
    with sandbox.Sandbox() as box:
        for step in steps:
            if isinstance(step, Command):
                problems, printed, code = run_command(step, box)
                for problem in problems:
                    print(f"{options.file}:{step.line}: {step.text}\n  {problem}")
                if problems:
                    failures += 1
                    results[step.line] = (printed, code)
            elif step[0] == "file":
                box.write(step[1], step[2].encode())
            else:
                reason = box.lacks(step[1])
                if reason:
                    print(f"skipped: {reason}")
                    return SKIPPED
    if options.bless and results:
        bless(options.file, results)
    commands = sum(isinstance(step, Command) for step in steps)
    print(f"{commands} commands, {failures} of them failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
