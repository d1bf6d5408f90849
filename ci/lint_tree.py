"""Which files the lint scripts look at: what git tracks or would track, else all but builds."""
import os
import subprocess

OURS = ("build", ".git", "mapmeter-results", "__pycache__")


def files(root, *endings):
    """Paths relative to root, sorted, whose names end with one of endings (none: all)."""
    found = tracked(root)
    if found is None:
        found = walked(root)
    return sorted(path for path in found
                  if (not endings or path.endswith(endings))
                  and os.path.isfile(os.path.join(root, path)))


def tracked(root):
    # The checkout may belong to another user, as in most containers of a CI.
    listing = subprocess.run(
        ["git", "-c", "safe.directory=*", "-C", root, "ls-files", "-z", "--cached", "--others",
         "--exclude-standard"], capture_output=True, check=False)
    if listing.returncode != 0:
        return None
    return {name.decode() for name in listing.stdout.split(b"\0") if name}


def walked(root):
    found = set()
    for folder, subfolders, names in os.walk(root):
        subfolders[:] = [name for name in subfolders if name not in OURS]
        found.update(os.path.relpath(os.path.join(folder, name), root) for name in names)
    return found
