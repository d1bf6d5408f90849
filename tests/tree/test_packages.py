"""ci/install says what it installs, does nothing twice, and ends with one line where it cannot.

dpkg-query, apt-get, id and sudo are stand-ins here: no package of this machine is touched.
"""
import os
import shutil
import sys
import unittest

sys.dont_write_bytecode = True
from scripts import ScriptTest  # noqa: E402

TOOLS = ("bash", "env", "cat", "basename", "dirname", "readlink", "mktemp", "grep", "tail", "rm",
         "sh", "true")
# Knows a package as installed when a file of its name is in $STATE.
DPKG_QUERY = """#!/bin/sh
for package; do :; done
[ -e "$STATE/$package" ] && printf 'install ok installed'
"""
APT_GET = """#!/bin/sh
echo "$@" >>"$STATE/apt.log"
case " $* " in *" $FAIL "*) echo "E: Unable to locate package $FAIL"; exit 100;; esac
case " $* " in *" install "*) for word; do : >"$STATE/$word"; done;; esac
"""


class Install(ScriptTest):
    def setUp(self):
        super().setUp()
        os.mkdir(self.path("bin"))
        os.mkdir(self.path("state"))
        for tool in TOOLS:
            os.symlink(shutil.which(tool), self.path(f"bin/{tool}"))
        self.environment = {"PATH": self.path("bin"), "STATE": self.path("state"), "FAIL": "none",
                            "TMPDIR": self.folder}
        self.add("id", "#!/bin/sh\necho 0\n")

    def add(self, name, text):
        self.write_program(f"bin/{name}", text)

    def add_packages(self):
        self.add("dpkg-query", DPKG_QUERY)
        self.add("apt-get", APT_GET)

    def install(self, *groups):
        return self.run_script("install", *groups, env=self.environment)

    def apt_log(self):
        if not os.path.exists(self.path("state/apt.log")):
            return ""
        with open(self.path("state/apt.log"), encoding="utf-8") as log:
            return log.read()

    def assert_one_line(self, output, *words):
        self.assertEqual(len(output.strip().split("\n")), 1, output)
        for word in words:
            self.assertIn(word, output)

    def test_a_system_without_apt_gets_one_line(self):
        status, output = self.install("run")
        self.assertEqual(status, 1)
        self.assert_one_line(output, "Debian", "packages.txt")

    def test_what_is_missing_is_named_and_installed_once(self):
        self.add_packages()
        status, output = self.install("run")
        self.assertEqual(status, 0, output)
        self.assertIn("installing gnuplot-nox", output)
        log = self.apt_log()
        self.assertIn("update", log)
        status, output = self.install("run")
        self.assertEqual(status, 0, output)
        self.assertIn("all packages are installed", output)
        self.assertEqual(self.apt_log(), log, "apt-get was called although nothing was missing")

    def test_only_the_asked_groups_are_installed(self):
        self.add_packages()
        self.assertEqual(self.install("run")[0], 0)
        self.assertNotIn("clang-tidy", self.apt_log())
        self.assertEqual(self.install()[0], 0)
        self.assertIn("clang-tidy", self.apt_log())

    def test_neither_root_nor_sudo_gets_one_line(self):
        self.add_packages()
        self.add("id", "#!/bin/sh\necho 1000\n")
        status, output = self.install("run")
        self.assertEqual(status, 1)
        self.assert_one_line(output, "gnuplot-nox", "neither root nor sudo")
        self.assertEqual(self.apt_log(), "")

    def test_a_user_without_sudo_is_not_asked_when_nothing_is_missing(self):
        self.add_packages()
        self.add("id", "#!/bin/sh\necho 1000\n")
        self.write("state/gnuplot-nox", "")
        self.assertEqual(self.install("run")[0], 0)

    def test_sudo_that_wants_a_password_does_not_hang(self):
        self.add_packages()
        self.add("id", "#!/bin/sh\necho 1000\n")
        self.add("sudo", "#!/bin/sh\nexit 1\n")
        status, output = self.install("run")
        self.assertEqual(status, 1)
        self.assert_one_line(output, "password")

    def test_a_user_with_sudo_installs(self):
        self.add_packages()
        self.add("id", "#!/bin/sh\necho 1000\n")
        self.add("sudo", '#!/bin/sh\n[ "$1" = -n ] && shift\nexec "$@"\n')
        status, output = self.install("run")
        self.assertEqual(status, 0, output)
        self.assertIn("gnuplot-nox", self.apt_log())

    def test_a_failure_of_apt_is_told_in_its_own_words(self):
        self.add_packages()
        self.environment["FAIL"] = "gnuplot-nox"
        status, output = self.install("run")
        self.assertEqual(status, 1)
        self.assertIn("apt-get install failed: E: Unable to locate package gnuplot-nox", output)

    def test_a_misspelled_group_is_refused(self):
        self.add_packages()
        status, output = self.install("tests")
        self.assertEqual(status, 1)
        self.assert_one_line(output, "'tests'", "lint, windows and crosscheck")


if __name__ == "__main__":
    unittest.main()
