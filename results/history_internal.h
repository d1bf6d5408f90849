/* What the files of the history share; inside results/ only. */
#ifndef MM_RESULTS_HISTORY_INTERNAL_H
#define MM_RESULTS_HISTORY_INTERNAL_H

#include <sqlite3.h>

#include "results/history.h"

struct mm_history {
    sqlite3 *database;
    char *path;
};

/* "path: what: the reason of SQLite, and the remedy where there is one"; the negative errno. */
int mm_history_failure(const struct mm_history *history, int code, const char *what,
                       struct mm_error *error);

/* Runs statements without results. what: "cannot ..." for the error. */
int mm_history_run(struct mm_history *history, const char *statements, const char *what,
                   struct mm_error *error);

/* A write transaction; waits for other writers. After an error there is none. */
int mm_history_begin(struct mm_history *history, struct mm_error *error);
int mm_history_commit(struct mm_history *history, struct mm_error *error);
void mm_history_roll_back(struct mm_history *history);

#endif
