"""ci/check-skips reads what ctest really writes and fails on a skip that nobody has reviewed."""
import os
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
from scripts import ScriptTest  # noqa: E402

PROJECT = """cmake_minimum_required(VERSION 3.23)
project(skips LANGUAGES NONE)
enable_testing()
foreach(name IN ITEMS passes skips skips_silently skips_in_part fails)
    add_test(NAME ${name} COMMAND /bin/sh "${PROJECT_SOURCE_DIR}/${name}.sh")
    set_tests_properties(${name} PROPERTIES SKIP_RETURN_CODE 77)
endforeach()
"""
# As cmocka prints it.
PART = """cat <<'TEXT'
[==========] Running 4 test(s).
[ RUN      ] reads_a_file
[       OK ] reads_a_file
[ RUN      ] counts_faults
skip: perf_event_open is not permitted
[  SKIPPED ] counts_faults
[ RUN      ] asks_the_kernel
this kernel has no such call
[  SKIPPED ] asks_the_kernel
[ RUN      ] says_nothing
[  SKIPPED ] says_nothing
[==========] 4 test(s) run.
[  PASSED  ] 1 test(s).
[  SKIPPED ] 3 test(s), listed below:
[  SKIPPED ] counts_faults
TEXT
"""
SCRIPTS = {
    "passes": "echo skip-this-word is no reason\n",
    "skips": "echo 'skip: no tmpfs | here'\nexit 77\n",
    "skips_silently": "exit 77\n",
    "skips_in_part": PART,
    "fails": "exit 1\n",
}


class Skips(ScriptTest):
    def ctest(self, *tests):
        """Runs these tests of the project and leaves ctest.xml."""
        self.write("CMakeLists.txt", PROJECT)
        for name, text in SCRIPTS.items():
            self.write(f"{name}.sh", text)
        subprocess.run(["cmake", "-S", self.folder, "-B", self.path("b")], check=True,
                       stdout=subprocess.DEVNULL)
        subprocess.run(["ctest", "--test-dir", self.path("b"), "--output-junit",
                        self.path("ctest.xml"), "-R", f"^({'|'.join(tests)})$"],
                       check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.assertTrue(os.path.exists(self.path("ctest.xml")))

    def check(self, reviewed=""):
        self.write("skips.txt", reviewed)
        return self.run_script("check-skips", self.path("ctest.xml"), self.path("skips.txt"))

    def test_no_skip_is_fine(self):
        self.ctest("passes")
        status, output = self.check()
        self.assertEqual(status, 0, output)
        self.assertIn("0 skipped", output)

    def test_an_unlisted_skip_fails_and_says_its_reason(self):
        self.ctest("passes", "skips")
        status, output = self.check()
        self.assertEqual(status, 1, output)
        self.assertIn("skips: no tmpfs | here [NOT REVIEWED]", output)

    def test_a_listed_skip_passes_and_says_why_it_is_accepted(self):
        self.ctest("skips")
        status, output = self.check("# reviewed\nskips | no (tmpfs|ramfs) | containers have none\n")
        self.assertEqual(status, 0, output)
        self.assertIn("accepted: containers have none", output)

    def test_a_listed_skip_with_another_reason_fails(self):
        self.ctest("skips")
        self.assertEqual(self.check("skips | no cachestat | old kernels\n")[0], 1)

    def test_a_list_for_another_test_does_not_help(self):
        self.ctest("skips")
        self.assertEqual(self.check("skip | tmpfs | too short a name\n")[0], 1)

    def test_a_skip_without_a_reason_is_named(self):
        self.ctest("skips_silently")
        status, output = self.check()
        self.assertEqual(status, 1, output)
        self.assertIn("skips_silently: it printed no reason", output)

    def test_a_skipped_part_of_a_program_that_passed_is_seen(self):
        self.ctest("skips_in_part")
        status, output = self.check()
        self.assertEqual(status, 1, output)
        self.assertIn("skips_in_part/counts_faults: perf_event_open is not permitted", output)
        self.assertIn("skips_in_part/asks_the_kernel: this kernel has no such call", output)
        self.assertIn("skips_in_part/says_nothing: it printed no reason", output)
        listed = ("*/counts_faults | not permitted | containers forbid it\n"
                  "*/asks_the_kernel | no such call | old kernels\n")
        self.assertEqual(self.check(listed)[0], 1)
        self.assertEqual(self.check(listed + "*/says_* | no reason | for this test\n")[0], 0)

    def test_a_failed_test_is_not_a_skip(self):
        self.ctest("fails")
        self.assertEqual(self.check()[0], 0)

    def test_an_entry_without_its_why_is_refused(self):
        self.ctest("passes")
        status, output = self.check("skips | tmpfs\n")
        self.assertEqual(status, 1)
        self.assertIn("skips.txt:1:", output)


if __name__ == "__main__":
    unittest.main()
