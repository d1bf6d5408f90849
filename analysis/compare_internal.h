/* What a comparison holds; only compare.c and compare_write.c look inside. */
#ifndef MM_ANALYSIS_COMPARE_INTERNAL_H
#define MM_ANALYSIS_COMPARE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "analysis/statistics.h"

/* One figure on both sides. */
struct mm_compared {
    bool has_a;
    bool has_b;
    double a;
    double b;
};

struct mm_comparison_case {
    char *name;
    char *label;
    size_t launches_a; /* good ones */
    size_t launches_b;
    struct mm_compared bytes_per_second;
    struct mm_compared faults;
    struct mm_compared bytes_per_fault;
    bool has_ratio;
    double ratio; /* of the medians of the throughput, B / A */
    bool has_interval;
    struct mm_interval interval;
    char *missing;       /* why there is no ratio or no interval; NULL when both are there */
    const char *verdict; /* "slower", "faster", "not slower", "unclear"; NULL: none is passed */
    char *unjudged;      /* why not; NULL where there is a verdict, or no interval either */
};

struct mm_names {
    char **items;
    size_t count;
};

struct mm_comparison {
    char *run_a;
    char *run_b;
    struct mm_comparison_case *cases;
    size_t case_count;
    bool one_machine; /* and one storage, as far as both records know theirs */
    struct mm_names only_in_a;
    struct mm_names only_in_b;
    struct mm_names warnings;
};

/* How the ratio and its interval are made, in one line. */
extern const char mm_comparison_method[];

#endif
