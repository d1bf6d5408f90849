/* Plots as PNG and PDF: the script of the SVG with another terminal, and a word where it lacks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analysis/plots/formats.h"
#include "common/file.h"
#include "common/text.h"
#include "tests/analysis/drawn.h"
#include "tests/support/folder.h"
#include "tests/support/synthetic_record.h"

static const bool both[MM_PLOT_FORMATS] = {true, true};

static struct drawn draw_all(void)
{
    const struct synthetic_record_spec spec = {
        .noise = 0.1, .seed = 4, .flushes = true, .launches = 12};
    return draw(synthetic_record(&spec));
}

static void a_script_differs_in_terminal_and_output_alone(void **state)
{
    (void)state;
    struct drawn drawn = draw_all();
    for (int kind = 0; kind < MM_PLOT_COUNT; kind++) {
        const struct mm_plot *plot = &drawn.plots.plots[kind];
        if (!plot->script) {
            continue;
        }
        char *png = mm_plot_format_script(plot, MM_PLOT_PNG);
        char *pdf = mm_plot_format_script(plot, MM_PLOT_PDF);
        assert_non_null(png);
        assert_non_null(pdf);
        assert_null(strstr(png, "terminal svg"));
        assert_non_null(strstr(png, "\nset terminal pngcairo size 2 * 860, 2 * plot_height "));
        assert_non_null(strstr(pdf, "\nset terminal pdfcairo size 860 / 96.0, "));
        const char *rest = strstr(plot->script, "\nset output output_file\n");
        assert_non_null(rest);
        rest = strchr(rest + 1, '\n');
        assert_string_equal(png + strlen(png) - strlen(rest), rest);
        assert_string_equal(pdf + strlen(pdf) - strlen(rest), rest);
        free(png);
        free(pdf);
    }
    release(&drawn);
}

static void both_pictures_stand_beside_the_svg_and_go_with_the_next_report(void **state)
{
    (void)state;
    struct drawn drawn = draw_all();
    const struct mm_plot *plot = &drawn.plots.plots[MM_PLOT_LAUNCHES];
    char folder[] = "/var/tmp/mapmeter-formats-XXXXXX";
    if (!plot->svg) {
        print_message("gnuplot was not found\n");
        release(&drawn);
        skip();
    }
    assert_int_equal(mm_plots_draw_others(&drawn.plots, both, NULL), 0);
    if (plot->why_others_missing) {
        assert_non_null(strstr(plot->why_others_missing, "terminal"));
        release(&drawn);
        skip();
    }
    assert_memory_equal(plot->others[MM_PLOT_PNG].bytes, "\x89PNG\r\n", 6);
    assert_memory_equal(plot->others[MM_PLOT_PDF].bytes, "%PDF-", 5);
    assert_null(drawn.plots.plots[MM_PLOT_SERIES].others[MM_PLOT_PNG].bytes);
    assert_non_null(mkdtemp(folder));
    char *png = mm_file_join(folder, "launches.png");
    char *pdf = mm_file_join(folder, "launches.pdf");
    assert_int_equal(mm_plots_write(&drawn.plots, folder, NULL), 0);
    assert_int_equal(access(png, F_OK), 0);
    assert_int_equal(access(pdf, F_OK), 0);
    release(&drawn);
    drawn = draw_all();
    assert_int_equal(mm_plots_write(&drawn.plots, folder, NULL), 0);
    assert_int_equal(access(png, F_OK), -1);
    assert_int_equal(access(pdf, F_OK), -1);
    free(png);
    free(pdf);
    assert_int_equal(mm_test_remove_folder(folder), 0);
    release(&drawn);
}

/* A gnuplot that knows no such terminal. */
static void a_terminal_that_lacks_is_said_with_the_remedy(void **state)
{
    (void)state;
    static const char script[] =
        "#!/bin/sh\n"
        "echo '\"x.gp\" line 9: unknown or ambiguous terminal type' >&2\nexit 1\n";
    struct drawn drawn = draw_all();
    struct mm_plot *plot = &drawn.plots.plots[MM_PLOT_LAUNCHES];
    char folder[] = "/var/tmp/mapmeter-formats-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char *program = mm_file_join(folder, "gnuplot");
    char *path = strdup(getenv("PATH"));
    assert_int_equal(mm_file_replace(program, script, strlen(script), NULL), 0);
    assert_int_equal(chmod(program, 0700), 0);
    char *longer = mm_text_format("%s:%s", folder, path);
    if (!plot->svg) {
        plot->svg = strdup("<svg></svg>");
    }
    setenv("PATH", longer, 1);
    assert_int_equal(mm_plots_draw_others(&drawn.plots, both, NULL), 0);
    setenv("PATH", path, 1);
    assert_null(plot->others[MM_PLOT_PNG].bytes);
    assert_string_equal(plot->why_others_missing,
                        "gnuplot failed: \"x.gp\" line 9: unknown or ambiguous terminal type: this "
                        "gnuplot lacks the terminal (Debian: gnuplot-nox has it)");
    free(longer);
    free(path);
    free(program);
    assert_int_equal(mm_test_remove_folder(folder), 0);
    release(&drawn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_script_differs_in_terminal_and_output_alone),
        cmocka_unit_test(both_pictures_stand_beside_the_svg_and_go_with_the_next_report),
        cmocka_unit_test(a_terminal_that_lacks_is_said_with_the_remedy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
