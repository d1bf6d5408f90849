"""ci/lint-includes and ci/lint-text accept a good tree and name what is wrong in a bad one."""
import os
import sys
import unittest

sys.dont_write_bytecode = True
from scripts import ROOT, ScriptTest  # noqa: E402


class Includes(ScriptTest):
    def setUp(self):
        super().setUp()
        with open(os.path.join(ROOT, "docs/architecture.md"), encoding="utf-8") as page:
            self.write("docs/architecture.md", page.read())
        for header in ("common/error.h", "mapping/marray.h", "mapping/os.h", "results/record.h",
                       "workloads/workload.h", "analysis/statistics.h", "harness/plan.h",
                       "harness/gbench/gbench.h", "harness/campaigns/run.h"):
            self.write(header, "/* A header. */\n")

    def check(self, path, line):
        self.write(path, f"/* A file. */\n#include <stdio.h>\n{line}\n")
        return self.run_script("lint-includes", self.folder)

    def assert_refused(self, path, line):
        status, output = self.check(path, line)
        self.assertEqual(status, 1, output)
        self.assertIn(f"{path}:3: ", output)

    def assert_accepted(self, path, line):
        status, output = self.check(path, line)
        self.assertEqual(status, 0, output)

    def test_an_include_that_the_table_allows_passes(self):
        self.assert_accepted("harness/worker.c", '#include "results/record.h"')
        self.assert_accepted("harness/launcher.c", '#include "harness/gbench/gbench.h"')
        self.assert_accepted("workloads/random.c", '#include "mapping/marray.h"')
        self.assert_accepted("mapping/open.c", '#include "mapping/os.h"')

    def test_the_harness_may_not_include_the_analysis(self):
        self.assert_refused("harness/worker.c", '#include "analysis/statistics.h"')

    def test_the_analysis_may_not_include_the_harness(self):
        self.assert_refused("analysis/report/html.c", '#include "harness/plan.h"')

    def test_a_campaign_may_include_both(self):
        self.assert_accepted("harness/campaigns/gate.c", '#include "analysis/statistics.h"')

    def test_the_harness_may_not_include_its_campaigns(self):
        self.assert_refused("harness/plan.c", '#include "harness/campaigns/run.h"')

    def test_the_wrapper_of_google_benchmark_knows_nothing_of_us(self):
        self.assert_refused("harness/gbench/gbench.cc", '#include "common/error.h"')

    def test_only_the_public_header_of_the_mapping_is_for_others(self):
        self.assert_refused("workloads/random.c", '#include "mapping/os.h"')

    def test_spaces_and_angle_brackets_do_not_hide_an_include(self):
        self.assert_refused("common/text.c", "  #  include <results/record.h>")

    def test_a_relative_include_is_refused(self):
        self.assert_refused("mapping/open.c", '#include "os.h"')

    def test_a_folder_that_the_table_does_not_have_is_refused(self):
        self.assert_refused("drawer/odd.c", '#include "common/error.h"')

    def test_a_page_without_the_table_is_an_error(self):
        self.write("docs/architecture.md", "# Architecture\n")
        status, output = self.run_script("lint-includes", self.folder)
        self.assertEqual(status, 1)
        self.assertIn("no table", output)


class Texts(ScriptTest):
    def assert_complains(self, path, text, complaint):
        self.write(path, text)
        status, output = self.run_script("lint-text", self.folder)
        self.assertEqual(status, 1, output)
        self.assertIn(f"{path}:", output)
        self.assertIn(complaint, output)

    def test_a_clean_tree_passes(self):
        self.write("common/a.c", "/* What it is for. */\nint x;\n")
        self.write("docs/a.md", "# A\n\nSee [b](b.md#the-other-one) and [a](#a).\n")
        self.write("docs/b.md", "# B\n\n## The other one\n")
        status, output = self.run_script("lint-text", self.folder)
        self.assertEqual(status, 0, output)

    def test_a_tab_is_refused(self):
        self.assert_complains("common/a.c", "/* A. */\n\tint x;\n", "a tab")

    def test_trailing_spaces_are_refused(self):
        self.assert_complains("common/a.c", "/* A. */\nint x; \n", "trailing spaces")

    def test_a_source_without_a_first_comment_is_refused(self):
        self.assert_complains("common/a.c", "int x;\n", "first line")

    def test_a_script_needs_its_comment_after_the_interpreter(self):
        self.assert_complains("ci/a", "#!/bin/sh\n\nexit 0\n", "first line")

    def test_a_mark_of_unfinished_work_is_refused(self):
        self.assert_complains("common/a.c", "/* A. */\n/* FIX" "ME */\n", "unfinished")

    def test_a_missing_last_newline_is_refused(self):
        self.assert_complains("common/a.c", "/* A. */\nint x;", "no newline")

    def test_a_link_to_a_missing_page_is_refused(self):
        self.assert_complains("docs/a.md", "# A\n\n[b](b.md)\n", "leads nowhere")

    def test_a_link_to_a_missing_heading_is_refused(self):
        self.assert_complains("docs/a.md", "# A\n\n[b](#b)\n", "no such heading")

    def test_a_link_inside_code_is_not_a_link(self):
        self.write("docs/a.md", "# A\n\n`array[i](x)`\n\n```c\na[i](x);\n```\n")
        status, output = self.run_script("lint-text", self.folder)
        self.assertEqual(status, 0, output)


if __name__ == "__main__":
    unittest.main()
