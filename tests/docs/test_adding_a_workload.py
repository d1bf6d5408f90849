"""Follows docs/adding-a-workload.md to the letter: one new file, a build, one verified launch."""
import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import page  # noqa: E402

FILE = "workloads/pointer_chase.c"


def tracked_files(root):
    listing = subprocess.run(["git", "-c", "safe.directory=*", "-C", root, "ls-files", "-z"],
                             capture_output=True, check=False)
    if listing.returncode == 0:
        return [name for name in listing.stdout.decode().split("\0")
                if name and os.path.isfile(os.path.join(root, name))]
    print("skip: not a git checkout, so what belongs to the tree is not known")
    sys.exit(77)


def copy_tree(root, copy):
    for name in tracked_files(root):
        os.makedirs(os.path.dirname(os.path.join(copy, name)), exist_ok=True)
        shutil.copy2(os.path.join(root, name), os.path.join(copy, name))


def digests(tree):
    found = {}
    for folder, _, names in os.walk(tree):
        for name in names:
            path = os.path.join(folder, name)
            with open(path, "rb") as file:
                found[os.path.relpath(path, tree)] = hashlib.sha256(file.read()).hexdigest()
    return found


def run(*command, **options):
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            check=False, **options)
    if result.returncode != 0:
        print(result.stdout)
        raise SystemExit(f"{' '.join(command)} ended with {result.returncode}")
    return result.stdout


def measure_command(walk_through):
    """The arguments of `mapmeter run` on the page."""
    for block in page.blocks(walk_through):
        for command in page.commands(block):
            words = command.split()
            if words[:2] == ["build/release/mapmeter", "run"]:
                return words[2:]
    raise SystemExit("the page has no `mapmeter run`")


def check_record(path):
    with open(path, encoding="utf-8") as file:
        record = json.load(file)
    launches = record["launches"]
    assert len(launches) == 2, f"one launch for each of two engines, not {len(launches)}"
    for launch in launches:
        assert launch["status"] == "ok", launch["failure"]
        assert launch["samples"], "a launch without samples"
        for sample in launch["samples"]:
            assert sample["checksum"] == sample["expected_checksum"], sample
            assert int(sample["checksum"], 16) != 0
            assert sample["items"] == 1000 * sample["iterations"], sample


def follow(root, work, arguments):
    walk_through = os.path.join(root, "docs/adding-a-workload.md")
    tree = os.path.join(work, "tree")
    build = os.path.join(work, "build")
    copy_tree(root, tree)
    before = digests(tree)
    assert FILE not in before, f"{FILE} is already in the tree"
    with open(os.path.join(tree, FILE), "w", encoding="utf-8") as file:
        file.write(page.block_of_file(walk_through, FILE))

    run("cmake", "-S", tree, "-B", build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
        "-DMAPMETER_TESTS=OFF", f"-DCMAKE_C_COMPILER={arguments.compiler}")
    run("cmake", "--build", build, "--target", "mapmeter")

    mapmeter = os.path.join(build, "mapmeter")
    environment = dict(os.environ, MAPMETER_DATA_DIR=os.path.join(work, "data"))
    listing = run(mapmeter, "list", env=environment, cwd=work)
    assert "pointer-chase" in listing and "hops" in listing, listing
    run(mapmeter, "run", *measure_command(walk_through), env=environment, cwd=work)
    check_record(os.path.join(work, "first-chase/results.json"))

    after = digests(tree)
    added = after.pop(FILE)
    assert added and after == before, "following the page changed more than its one file"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--compiler", default="cc")
    arguments = parser.parse_args()
    root = os.environ["MAPMETER_SOURCE_DIR"]
    with tempfile.TemporaryDirectory(prefix="mapmeter-docs-",
                                     dir=os.environ.get("TMPDIR", "/var/tmp")) as work:
        follow(root, work, arguments)
    print("the page was followed to the letter: one new file, nothing else changed")


main()
