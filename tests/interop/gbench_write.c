/* gbench_write FOLDER NAME SEED SLOWDOWN: writes the two Google Benchmark files of a synthetic
 * record of nine launches a case, FOLDER/NAME.json and FOLDER/NAME-aggregates.json. */
#include <stdio.h>
#include <stdlib.h>

#include "results/record.h"
#include "tests/support/synthetic_record.h"

/* From here on the U test of compare.py does not call its result unreliable. */
#define LAUNCHES 9

int main(int count, char **words)
{
    if (count != 5) {
        fprintf(stderr, "usage: gbench_write FOLDER NAME SEED SLOWDOWN\n");
        return 2;
    }
    char path[4096];
    struct mm_error error = {0};
    const struct synthetic_record_spec spec = {
        .launches = LAUNCHES,
        .noise = 0.02,
        .seed = strtoull(words[3], NULL, 10),
        .slowdown = strtod(words[4], NULL),
        .flushes = true,
        .hostile_names = true,
        .skipped_cases = 1,
    };
    struct mm_record *record = synthetic_record(&spec);
    snprintf(path, sizeof(path), "%s/%s.json", words[1], words[2]);
    int result = mm_record_save_gbench(record, path, &error);
    snprintf(path, sizeof(path), "%s/%s-aggregates.json", words[1], words[2]);
    if (result == 0)
        result = mm_record_save_gbench_aggregates(record, path, &error);
    if (result < 0)
        fprintf(stderr, "gbench_write: %s\n", error.text);
    mm_record_free(record);
    return result < 0;
}
