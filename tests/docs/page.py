"""Reads the fenced blocks of a Markdown page."""
import re

FENCE = re.compile(r"^```(?P<language>\w*)(?: file=(?P<file>\S+))?\n(?P<text>.*?)^```$",
                   re.MULTILINE | re.DOTALL)


def blocks(path):
    """The blocks in order: dicts of language, file (or None) and text."""
    with open(path, encoding="utf-8") as page:
        return [match.groupdict() for match in FENCE.finditer(page.read())]


def block_of_file(path, name):
    """The text of the one block that is marked as this file."""
    found = [block["text"] for block in blocks(path) if block["file"] == name]
    if len(found) != 1:
        raise SystemExit(f"{path}: want one block with file={name}, found {len(found)}")
    return found[0]


def commands(block):
    """The commands of a console block: lines that start with "$ ", continued after a backslash."""
    joined = block["text"].replace("\\\n", " ")
    return [line[2:] for line in joined.split("\n") if line.startswith("$ ")]
