/* What a person and a CI read of a gate: pure functions of its results.json (results/SCHEMA.md). */
#ifndef MM_ANALYSIS_REPORT_GATE_REPORT_H
#define MM_ANALYSIS_REPORT_GATE_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <jansson.h>

#include "analysis/plots/plots.h"
#include "common/error.h"

/* GitHub shows no more than this of one step. */
#define MM_GATE_ANNOTATIONS 10

/* One metric of one benchmark. Everything is borrowed from the document. */
struct mm_gate_row {
    const char *benchmark;
    const char *metric;
    const char *unit;
    const char *verdict; /* "PASS"... */
    int rank;            /* the greater the worse */
    const char *failure; /* of the benchmark: why, or NULL */
    const char *side;    /* whose failure */
    size_t pairs;        /* 0: no figures */
    double base;
    double head;
    double effect;
    double low;
    double high;
    double p_adjusted;
    double p_sign;
    double noise;      /* standard deviation of the scores */
    double detectable; /* INFINITY: none */
    double margin;     /* 0: not known */
    double target;
    const json_t *waiver; /* or NULL */
};

struct mm_gate_rows {
    struct mm_gate_row *items; /* the worst first, then by effect */
    size_t count;
    size_t verdicts[7]; /* how many of each, by rank */
};

/* -EPROTO for a document that is no gate's, -ENOMEM. */
int mm_gate_rows_make(const json_t *document, struct mm_gate_rows *rows, struct mm_error *error);
void mm_gate_rows_release(struct mm_gate_rows *rows);

#define MM_GATE_PHRASE_BYTES 256

/* "+5.1 % (+4.2 % to +6.0 %)", "-". */
char *mm_gate_phrase_effect(const struct mm_gate_row *row, char text[MM_GATE_PHRASE_BYTES]);
/* "1.3 %", "-". */
char *mm_gate_phrase_noise(const struct mm_gate_row *row, char text[MM_GATE_PHRASE_BYTES]);
/* "1.2 %", "none". */
char *mm_gate_phrase_detectable(const struct mm_gate_row *row, char text[MM_GATE_PHRASE_BYTES]);
/* The value of a side in its unit, "-" without one. */
char *mm_gate_phrase_value(const struct mm_gate_row *row, double value,
                           char text[MM_GATE_PHRASE_BYTES]);
/* One sentence on a row: what, by how much, and why it counts as it does. */
char *mm_gate_phrase_row(const struct mm_gate_row *row, char text[MM_GATE_PHRASE_BYTES]);
/* "regressed: 1 REGRESSED, 19 PASS; 240 pairs of launches". */
char *mm_gate_phrase_whole(const json_t *document, const struct mm_gate_rows *rows,
                           char text[MM_GATE_PHRASE_BYTES]);

/* The table for a terminal. */
void mm_gate_text_write(FILE *stream, const json_t *document, const struct mm_gate_rows *rows,
                        bool colour);
/* summary.md, for a pull request. */
void mm_gate_markdown_write(FILE *stream, const json_t *document, const struct mm_gate_rows *rows);
/* junit.xml: a benchmark is a case, a regression a failure, a crash an error; inconclusive,
 * quarantined and waived are skipped. */
void mm_gate_junit_write(FILE *stream, const json_t *document, const struct mm_gate_rows *rows);
/* Workflow commands of GitHub, the worst first, at most MM_GATE_ANNOTATIONS. */
void mm_gate_annotations_write(FILE *stream, const json_t *document,
                               const struct mm_gate_rows *rows);

/* The ratios of all rows with figures as the plot "forest"; errors as of mm_forest_make(). The
 * second writes it into folder/plots. */
int mm_gate_forest_make(const json_t *document, const struct mm_gate_rows *rows,
                        struct mm_plot *plot, struct mm_error *error);
int mm_gate_forest_write(const json_t *document, const struct mm_gate_rows *rows,
                         const char *folder, struct mm_error *error);

/* summary.md, junit.xml, annotations.txt and the forest plot into folder, each file whole or not at
 * all. */
int mm_gate_report_write(const json_t *document, const char *folder, struct mm_error *error);

#endif
