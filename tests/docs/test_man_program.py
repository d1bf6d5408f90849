"""mapmeter(1) has every command and every option that --help shows, and names none that is not there."""
import os
import re
import shutil
import subprocess
import sys

PROGRAM = os.environ["MAPMETER"]
PAGE = os.path.join(os.environ["MAPMETER_SOURCE_DIR"], "docs/man/mapmeter.1")
COMMON = {"--help", "--usage", "-?"}


def ask(*words):
    done = subprocess.run([PROGRAM, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{words}: {done.stderr}"
    return done.stdout


def commands():
    listed = ask("--help").split("Commands:\n")[1].split("\n\n")[0]
    return [line.split()[0] for line in listed.splitlines()]


def options_of_help(*command):
    """The names at the beginning of the lines that describe options; of a command that has commands of
    its own all of theirs."""
    found = set()
    lines = ask(*command, "--help").splitlines()
    if lines[0].startswith(f"Usage: mapmeter {command[0]} COMMAND"):
        for line in lines:
            match = re.match(r"  ([a-z]+)  ", line)
            if match:
                found |= options_of_help(*command, match.group(1))
        return found
    for line in lines:
        # Options stand at the left, what they mean further to the right.
        match = re.match(r" {2,6}(-\S.*?)(?:  |$)", line)
        if match:
            names = re.findall(r"(?:^|, )(--[a-z][a-z-]*|-[A-Za-z?])", match.group(1))
            found |= set(names)
    return found - COMMON


def options_in(text):
    return set(re.findall(r"(?<![\w-])(--[a-z][a-z-]*)", text))


def sections_of_page(text):
    """Command -> its part of the page."""
    parts = re.split(r"^\.SS mapmeter (\w+)\n", text, flags=re.MULTILINE)
    parts[-1] = parts[-1].split("\n.SH ")[0]
    return dict(zip(parts[1::2], parts[2::2]))


def options_of_section(section):
    """The names in the tags of .TP."""
    found = set()
    for tag in re.findall(r"^\.TP\n(.*)$", section, re.MULTILINE):
        tag = re.sub(r'\\f.|"', "", tag)
        found |= set(re.findall(r"(?<![\w-])(--[a-z][a-z-]*|-[A-Za-z])(?![\w-])", tag))
    return found


def check_format(faults):
    if not shutil.which("groff"):
        print("groff is missing: the format was not checked")
        return
    done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z", PAGE], capture_output=True,
                          text=True, check=False)
    if done.returncode or done.stderr:
        faults.append(done.stderr.strip())


def check_environment(text, faults):
    """The variables of the page are those that the program reads."""
    section = text.split("\n.SH ENVIRONMENT\n")[1].split("\n.SH ")[0]
    with open(PROGRAM, "rb") as stream:
        binary = stream.read()
    for name in re.findall(r"^\.TP\n\.B (\w+)$", section, re.MULTILINE):
        if name.encode() + b"\0" not in binary:
            faults.append(f"ENVIRONMENT has {name}, which the program does not read")


def main():
    faults = []
    with open(PAGE, encoding="utf-8") as stream:
        text = stream.read().replace("\\-", "-")
    sections = sections_of_page(text)
    known = {"--version"} | {name for name in COMMON if name.startswith("--")}
    count = 0
    for command in commands():
        helped = options_of_help(command)
        paged = options_of_section(sections.get(command, ""))
        assert helped, f"no option found in mapmeter {command} --help"
        known |= helped
        count += len(helped)
        if command not in sections:
            faults.append(f"the page has no part '.SS mapmeter {command}'")
        faults += [f"mapmeter {command}: {name} is in --help, but not in the page"
                   for name in sorted(helped - paged)]
        faults += [f"mapmeter {command}: {name} is in the page, but not in --help"
                   for name in sorted(paged - helped)]
    faults += [f"the page has a part on '{name}', which is no command"
               for name in sorted(set(sections) - set(commands()))]
    faults += [f"the page names {name}, which no command has"
               for name in sorted(options_in(text) - known)]
    check_environment(text, faults)
    check_format(faults)
    print(f"{count} options of {len(commands())} commands")
    for fault in faults:
        print(fault)
    return 1 if faults else 0


sys.exit(main())
