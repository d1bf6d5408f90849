/* Writes what follows from a gate's record into its folder. */
#include "analysis/report/gate_report.h"

#include <errno.h>
#include <stdlib.h>

#include "analysis/report/emit.h"
#include "common/text.h"

int mm_gate_report_write(const json_t *document, const char *folder, struct mm_error *error)
{
    static const struct {
        const char *name;
        void (*write)(FILE *stream, const json_t *document, const struct mm_gate_rows *rows);
    } files[] = {
        {"summary.md", mm_gate_markdown_write},
        {"junit.xml", mm_gate_junit_write},
        {"annotations.txt", mm_gate_annotations_write},
    };
    struct mm_gate_rows rows;

    int code = mm_gate_rows_make(document, &rows, error);
    if (code < 0) {
        return code;
    }
    for (size_t i = 0; code == 0 && i < MM_COUNT_OF(files); i++) {
        char *bytes = NULL;
        size_t size = 0;
        FILE *stream = open_memstream(&bytes, &size);
        if (stream == NULL) {
            code = mm_error_set(error, -ENOMEM, "not enough memory");
            break;
        }
        files[i].write(stream, document, &rows);
        code = mm_report_save(folder, files[i].name, stream, &bytes, &size, error);
        free(bytes);
    }
    if (code == 0) {
        code = mm_gate_forest_write(document, &rows, folder, error);
    }
    mm_gate_rows_release(&rows);
    return code;
}
