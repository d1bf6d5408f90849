/* Shows a plan before it is run. */
#include <errno.h>
#include <inttypes.h>

#include "common/text.h"
#include "common/units.h"
#include "harness/cli/cli.h"

struct totals {
    size_t skipped;
    uint64_t launches;
    uint64_t generated_bytes;
};

static struct totals add_up(const struct mm_plan *plan)
{
    struct totals totals = {0};
    for (size_t i = 0; i < plan->case_count; i++) {
        if (plan->cases[i].skip_reason)
            totals.skipped++;
        else
            totals.launches += plan->cases[i].launches;
    }
    for (size_t i = 0; i < plan->file_count; i++) {
        if (plan->files[i].generated)
            totals.generated_bytes += plan->files[i].array.size_bytes;
    }
    return totals;
}

static void print_file(const struct mm_plan_file *file, FILE *stream)
{
    const struct mm_array *array = &file->array;
    char size[MM_UNITS_TEXT_BYTES];
    fprintf(stream, "  %s: %s [", file->path, array->dtype);
    for (uint32_t i = 0; i < array->dimensions; i++)
        fprintf(stream, "%s%" PRIu64, i ? ", " : "", array->shape[i]);
    fprintf(stream, "]%s, %s, %s\n", array->fortran_order ? " in Fortran order" : "",
            mm_units_show_size((double)array->size_bytes, size),
            file->generated  ? "generated"
            : file->writable ? "your own, will be changed"
                             : "your own, will only be read");
}

int mm_cli_print_plan(const struct mm_plan *plan, FILE *stream)
{
    struct totals totals = add_up(plan);
    char text[MM_UNITS_TEXT_BYTES];
    char seed[MM_TEXT_HEX_BYTES];
    fprintf(stream, "suite %s%s%s\n", plan->suite, plan->purpose[0] ? ": " : "", plan->purpose);
    fprintf(stream, "%zu cases, %zu of them skipped; %" PRIu64 " launches; seed %s\n",
            plan->case_count, totals.skipped, totals.launches, mm_text_write_hex(plan->seed, seed));
    fprintf(stream, "about %s", mm_units_show_duration((double)plan->estimated_ns, text));
    fprintf(stream, ", %s of generated data\n",
            mm_units_show_size((double)totals.generated_bytes, text));
    if (plan->budget_ns)
        fprintf(stream,
                "budget %s: about %" PRIu64 " of %" PRIu64 " launches fit by estimate; the run "
                "measures how long they take\n",
                mm_units_show_duration((double)plan->budget_ns, text),
                mm_plan_launches_within_budget(plan), totals.launches);
    fputs("\nfiles:\n", stream);
    for (size_t i = 0; i < plan->file_count; i++)
        print_file(&plan->files[i], stream);
    fputs("\ncases (launches x samples x passes):\n", stream);
    for (size_t i = 0; i < plan->case_count; i++) {
        const struct mm_plan_case *one = &plan->cases[i];
        if (one->skip_reason)
            fprintf(stream, "  %s: skipped, %s\n", one->name, one->skip_reason);
        else
            fprintf(stream, "  %s: %" PRIu32 " x %" PRIu32 " x %" PRIu64 "\n", one->name,
                    one->launches, one->samples, one->iterations);
    }
    return ferror(stream) ? -EIO : 0;
}

json_t *mm_cli_plan_to_json(const struct mm_plan *plan)
{
    char seed[MM_TEXT_HEX_BYTES];
    struct totals totals = add_up(plan);
    return json_pack("{s:s, s:s?, s:s, s:s, s:I, s:I, s:o, s:o}", "suite", plan->suite,
                     "suite_path", plan->suite_path, "purpose", plan->purpose, "seed",
                     mm_text_write_hex(plan->seed, seed), "launches", (json_int_t)totals.launches,
                     "estimated_ns", (json_int_t)plan->estimated_ns, "files",
                     mm_plan_files_to_json(plan), "cases", mm_plan_cases_to_json(plan));
}
