/* A record with its summary and its plots, for tests of plots. */
#ifndef MM_TESTS_ANALYSIS_DRAWN_H
#define MM_TESTS_ANALYSIS_DRAWN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "analysis/plots/plots.h"
#include "results/record.h"

struct drawn {
    struct mm_record *record;
    struct mm_summary *summary;
    struct mm_plots plots;
};

/* Takes over the record. */
static inline struct drawn draw(struct mm_record *record)
{
    struct drawn drawn = {.record = record};
    assert_int_equal(mm_summary_make(record, &drawn.summary, NULL), 0);
    assert_int_equal(mm_plots_make(drawn.summary, &drawn.plots, NULL), 0);
    return drawn;
}

static inline void release(struct drawn *drawn)
{
    mm_plots_release(&drawn->plots);
    mm_summary_free(drawn->summary);
    mm_record_free(drawn->record);
}

#endif
