/* The database of the history: opening it, its schema, and what SQLite's failures mean here. */
#include "results/history.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/text.h"
#include "results/history_internal.h"

/* How long one waits for others that write. A record is written in some milliseconds. */
#define BUSY_MS      20000
#define BUSY_STEP_NS 20000000L

/* In the header of the file (PRAGMA application_id): "mmhi". */
#define APPLICATION_ID 0x6d6d6869

static const char magic[] = "SQLite format 3";

/* The n-th brings a database from version n to n + 1. What has been released is never changed. */
static const char *const migrations[] = {
    "CREATE TABLE record ("
    "  id INTEGER PRIMARY KEY,"
    "  identity TEXT NOT NULL UNIQUE,"
    "  measured_utc TEXT NOT NULL,"
    "  added_utc TEXT NOT NULL,"
    "  machine TEXT NOT NULL,"
    "  suite TEXT NOT NULL,"
    "  source TEXT NOT NULL,"
    "  revision TEXT,"
    "  label TEXT"
    ") STRICT;"
    "CREATE TABLE metric ("
    "  record INTEGER NOT NULL REFERENCES record (id) ON DELETE CASCADE,"
    "  benchmark TEXT NOT NULL,"
    "  data TEXT NOT NULL,"
    "  name TEXT NOT NULL,"
    "  unit TEXT NOT NULL,"
    "  estimate REAL NOT NULL,"
    "  low REAL,"
    "  high REAL,"
    "  launches INTEGER NOT NULL CHECK (launches > 0),"
    "  worse INTEGER NOT NULL CHECK (worse IN (-1, 0, 1)),"
    "  PRIMARY KEY (record, benchmark, data, name),"
    "  CHECK ((low IS NULL) = (high IS NULL)),"
    "  CHECK (low IS NULL OR launches >= 6)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX record_by_time ON record (measured_utc, id);",
};

#define SCHEMA_VERSION ((int)MM_COUNT_OF(migrations))

static int errno_of(int code)
{
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return -EBUSY;
    case SQLITE_FULL:
        return -ENOSPC;
    case SQLITE_NOMEM:
        return -ENOMEM;
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
        return -EBADMSG;
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return -EACCES;
    case SQLITE_TOOBIG:
        return -EINVAL;
    default:
        return -EIO;
    }
}

static const char *remedy_of(int status)
{
    switch (status) {
    case -EBUSY:
        return "; another process is writing: try again";
    case -ENOSPC:
        return "; nothing of this record was stored: free some space and add it again";
    case -EBADMSG:
        return "; take a copy that is whole, or what 'sqlite3 FILE .recover' saves of it";
    default:
        return "";
    }
}

int mm_history_failure(const struct mm_history *history, int code, const char *what,
                       struct mm_error *error)
{
    int status = errno_of(code);
    int system = history->database ? sqlite3_system_errno(history->database) : 0;
    /* SQLite calls a full disk an input/output error where it is the journal that does not fit. */
    if (status == -EIO && (system == ENOSPC || system == EDQUOT))
        status = -ENOSPC;
    const char *said = history->database ? sqlite3_errmsg(history->database) : sqlite3_errstr(code);
    bool by_system = status == -EACCES && system;
    return mm_error_set(error, status, "%s: %s: %s%s%s%s", history->path, what, said,
                        by_system ? ": " : "", by_system ? strerror(system) : "",
                        remedy_of(status));
}

int mm_history_run(struct mm_history *history, const char *statements, const char *what,
                   struct mm_error *error)
{
    int code = sqlite3_exec(history->database, statements, NULL, NULL, NULL);
    return code == SQLITE_OK ? 0 : mm_history_failure(history, code, what, error);
}

/* Some locks SQLite gives up at once, without its busy time-out: the change to WAL, and the
 * recovery of another's. */
static int run_patiently(struct mm_history *history, const char *statement, const char *what,
                         struct mm_error *error)
{
    const struct timespec step = {.tv_nsec = BUSY_STEP_NS};
    for (long waited_ns = 0;; waited_ns += BUSY_STEP_NS) {
        int status = mm_history_run(history, statement, what, error);
        if (status != -EBUSY || waited_ns >= BUSY_MS * 1000000L)
            return status;
        nanosleep(&step, NULL);
    }
}

int mm_history_begin(struct mm_history *history, struct mm_error *error)
{
    return run_patiently(history, "BEGIN IMMEDIATE", "cannot begin to write", error);
}

int mm_history_commit(struct mm_history *history, struct mm_error *error)
{
    int status = mm_history_run(history, "COMMIT", "cannot write", error);
    if (status)
        mm_history_roll_back(history);
    return status;
}

void mm_history_roll_back(struct mm_history *history)
{
    sqlite3_exec(history->database, "ROLLBACK", NULL, NULL, NULL);
}

static int read_number(struct mm_history *history, const char *query, int64_t *number,
                       struct mm_error *error)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(history->database, query, -1, &statement, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    int status = 0;
    if (code == SQLITE_ROW)
        *number = sqlite3_column_int64(statement, 0);
    else
        status = mm_history_failure(history, code, "cannot be read", error);
    sqlite3_finalize(statement);
    return status;
}

/* What the database is, as it says itself. */
struct header {
    int64_t application;
    int64_t version;
    int64_t tables;
};

/* In a transaction, so that all of it is of one moment: another process may be making the tables.
 */
static int read_header(struct mm_history *history, struct header *header, struct mm_error *error)
{
    int status = read_number(history, "PRAGMA application_id", &header->application, error);
    if (!status)
        status = read_number(history, "PRAGMA user_version", &header->version, error);
    if (!status)
        status = read_number(history, "SELECT count(*) FROM sqlite_schema", &header->tables, error);
    return status;
}

static int read_header_alone(struct mm_history *history, struct header *header,
                             struct mm_error *error)
{
    int status = mm_history_run(history, "BEGIN", "cannot be read", error);
    if (status)
        return status;
    status = read_header(history, header, error);
    mm_history_roll_back(history);
    return status;
}

static bool is_new(const struct header *header)
{
    return header->tables == 0 && header->version == 0 && header->application == 0;
}

static int check_header(const struct mm_history *history, const struct header *header,
                        struct mm_error *error)
{
    if (is_new(header))
        return 0;
    if (header->application != APPLICATION_ID || header->version < 1)
        return mm_error_set(error, -EPROTO,
                            "%s: a database of another program, not a history of mapmeter; name "
                            "another file by --database",
                            history->path);
    if (header->version > SCHEMA_VERSION)
        return mm_error_set(error, -ENOTSUP,
                            "%s: schema version %lld, and this mapmeter knows up to %d; use the "
                            "newer mapmeter that wrote it",
                            history->path, (long long)header->version, SCHEMA_VERSION);
    return 0;
}

/* Inside a transaction: another process may have done it in between. */
static int migrate_in_transaction(struct mm_history *history, struct mm_error *error)
{
    struct header header = {0};
    int status = read_header(history, &header, error);
    if (!status)
        status = check_header(history, &header, error);
    for (int64_t version = header.version; !status && version < SCHEMA_VERSION; version++)
        status = mm_history_run(history, migrations[version], "cannot make its tables", error);
    if (status || header.version == SCHEMA_VERSION)
        return status;
    /* A pragma takes no parameters; both are numbers of ours. */
    char *stamp = mm_text_format("PRAGMA application_id = %d; PRAGMA user_version = %d",
                                 APPLICATION_ID, SCHEMA_VERSION);
    status = stamp ? mm_history_run(history, stamp, "cannot make its tables", error)
                   : mm_error_set(error, -ENOMEM, "%s: out of memory", history->path);
    free(stamp);
    return status;
}

static int migrate(struct mm_history *history, struct mm_error *error)
{
    int status = mm_history_begin(history, error);
    if (status)
        return status;
    status = migrate_in_transaction(history, error);
    if (!status)
        return mm_history_commit(history, error);
    mm_history_roll_back(history);
    return status;
}

/* Nothing is left to SQLite that it could take for a database of its own and repair: neither a file
 * of another kind nor the journal beside it is touched. */
static int check_magic(const char *path, bool *exists, struct mm_error *error)
{
    char bytes[sizeof(magic)] = {0};
    struct stat state;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    *exists = descriptor >= 0 || errno != ENOENT;
    if (descriptor < 0)
        return *exists ? mm_error_set(error, -errno, "%s: %s", path, strerror(errno)) : 0;
    ssize_t got = fstat(descriptor, &state) ? -1 : 0;
    if (!got && S_ISREG(state.st_mode))
        got = pread(descriptor, bytes, sizeof(bytes), 0);
    int code = errno;
    close(descriptor);
    if (got < 0)
        return mm_error_set(error, -code, "%s: %s", path, strerror(code));
    bool empty = got == 0 && S_ISREG(state.st_mode);
    if (empty || (got == sizeof(bytes) && !memcmp(bytes, magic, sizeof(magic))))
        return 0;
    return mm_error_set(error, -EBADMSG,
                        "%s: not a SQLite database, so not a history; name another file by "
                        "--database",
                        path);
}

/* uri NULL: the path alone. */
static int open_database(const char *path, const char *uri, int flags, struct mm_history **history,
                         struct mm_error *error)
{
    struct mm_history *made = calloc(1, sizeof(*made));
    /* ":memory:" and "file:" would mean something else to SQLite. */
    char *name = uri ? strdup(uri) : mm_text_format("%s%s", path[0] == '/' ? "" : "./", path);
    if (made)
        made->path = strdup(path);
    if (!made || !made->path || !name) {
        free(name);
        mm_history_close(made);
        return mm_error_set(error, -ENOMEM, "%s: out of memory", path);
    }
    int code = sqlite3_open_v2(name, &made->database, flags | SQLITE_OPEN_EXRESCODE, NULL);
    free(name);
    int status = code == SQLITE_OK ? 0 : mm_history_failure(made, code, "cannot be opened", error);
    if (!status) {
        sqlite3_busy_timeout(made->database, BUSY_MS);
        sqlite3_db_config(made->database, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
        status = mm_history_run(made, "PRAGMA trusted_schema = OFF; PRAGMA foreign_keys = ON",
                                "cannot be opened", error);
    }
    if (status)
        mm_history_close(made);
    else
        *history = made;
    return status;
}

/* "file:" and the path with all but harmless characters as %XX, and that it will not change. */
static char *immutable_name(const char *path)
{
    static const char harmless[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._/";
    char *absolute = realpath(path, NULL);
    char *encoded = absolute ? malloc(3 * strlen(absolute) + 1) : NULL;
    size_t used = 0;
    for (const char *c = absolute; encoded && *c; c++) {
        if (strchr(harmless, *c))
            encoded[used++] = *c;
        else
            used += (size_t)sprintf(encoded + used, "%%%02X", (unsigned char)*c);
    }
    if (encoded)
        encoded[used] = '\0';
    char *name = encoded ? mm_text_format("file:%s?immutable=1", encoded) : NULL;
    free(absolute);
    free(encoded);
    return name;
}

/* Where nothing can be written, SQLite cannot make the index of the log that readers share. Without
 * a log beside it the file is all there is, and since nobody has it open it is read as it lies
 * there. */
static int open_unwritable(const char *path, struct mm_history **history, struct mm_error *error)
{
    char *log = mm_text_format("%s-wal", path);
    char *name = immutable_name(path);
    int status = -ENOMEM;
    if (log && name)
        status =
            access(log, F_OK) == 0
                ? mm_error_set(error, -EACCES,
                               "%s: it is in use, or was not closed, and cannot be written; "
                               "read it as its owner",
                               path)
                : open_database(path, name, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, history, error);
    else
        mm_error_set(error, -ENOMEM, "%s: out of memory", path);
    free(log);
    free(name);
    return status;
}

static int open_and_read_header(const char *path, struct mm_history **history,
                                struct header *header, struct mm_error *error)
{
    struct mm_history *opened = NULL;
    /* Not read-only: whoever comes first after a crash has to take in what the other left. */
    int status = open_database(path, NULL, SQLITE_OPEN_READWRITE, &opened, error);
    if (!status)
        status = read_header_alone(opened, header, error);
    if (status == -EACCES) {
        mm_history_close(opened);
        opened = NULL;
        status = open_unwritable(path, &opened, error);
        if (!status)
            status = read_header_alone(opened, header, error);
    }
    *history = opened;
    return status;
}

int mm_history_open_to_read(const char *path, struct mm_history **history, struct mm_error *error)
{
    struct mm_history *opened = NULL;
    struct header header = {0};
    bool exists;
    int status = check_magic(path, &exists, error);
    if (!status && !exists)
        status = mm_error_set(
            error, -ENOENT, "%s: No such file or directory; 'mapmeter history add' makes it", path);
    if (!status)
        status = open_and_read_header(path, &opened, &header, error);
    if (!status)
        status = check_header(opened, &header, error);
    if (!status && header.version < SCHEMA_VERSION)
        status = mm_error_set(error, is_new(&header) ? -ENOENT : -ENOTSUP, "%s: %s; %s", path,
                              is_new(&header) ? "empty" : "of an older mapmeter",
                              is_new(&header) ? "'mapmeter history add' fills it"
                                              : "the next 'mapmeter history add' renews it");
    if (status)
        mm_history_close(opened);
    else
        *history = opened;
    return status;
}

/* A damaged database is left as it is; this reads all of it, which is some megabytes. */
static int check_whole(struct mm_history *history, struct mm_error *error)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(history->database, "PRAGMA quick_check(1)", -1, &statement, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    const char *said = code == SQLITE_ROW ? (const char *)sqlite3_column_text(statement, 0) : NULL;
    int status = 0;
    if (code != SQLITE_ROW)
        status = mm_history_failure(history, code, "cannot be read", error);
    else if (!said || strcmp(said, "ok") != 0)
        status = mm_error_set(error, -EBADMSG, "%s: damaged: %s%s", history->path, said ? said : "",
                              remedy_of(-EBADMSG));
    sqlite3_finalize(statement);
    return status;
}

int mm_history_open_to_add(const char *path, struct mm_history **history, struct mm_error *error)
{
    struct mm_history *opened = NULL;
    struct header header = {0};
    bool exists;
    int status = check_magic(path, &exists, error);
    if (!status)
        status =
            open_database(path, NULL, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &opened, error);
    if (!status)
        status = read_header_alone(opened, &header, error);
    if (!status)
        status = check_header(opened, &header, error);
    if (!status)
        status = check_whole(opened, error);
    if (!status)
        status = run_patiently(opened, "PRAGMA journal_mode = WAL", "cannot be written", error);
    if (!status)
        status = migrate(opened, error);
    if (status)
        mm_history_close(opened);
    else
        *history = opened;
    return status;
}

void mm_history_close(struct mm_history *history)
{
    if (!history)
        return;
    sqlite3_close(history->database);
    free(history->path);
    free(history);
}
