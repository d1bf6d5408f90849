"""Runs scripts of ci/ on small trees that a test makes up."""
import os
import subprocess
import tempfile
import unittest

ROOT = os.environ.get("MAPMETER_SOURCE_DIR") or os.path.realpath(
    os.path.join(os.path.dirname(__file__), "../.."))


class ScriptTest(unittest.TestCase):
    """A test with an empty folder of its own."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="mapmeter-tree-",
                                             dir=os.environ.get("TMPDIR", "/var/tmp"))
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def write_program(self, name, text):
        self.write(name, text)
        os.chmod(self.path(name), 0o755)

    def run_script(self, script, *arguments, **options):
        """(exit code, output) of ci/<script>."""
        result = subprocess.run([os.path.join(ROOT, "ci", script), *arguments],
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True, check=False, **options)
        return result.returncode, result.stdout
