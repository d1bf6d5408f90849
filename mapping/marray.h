/*
 * libmarray: typed n-dimensional arrays over files, numpy.memmap for C.
 *
 * An array is a view of a mapped file: an element type, a shape and strides. marray_open() and its
 * relatives make the first view of a map; slicing, transposing and reinterpreting make further
 * views that hold a reference on it. All functions return 0 or a negative errno, set outputs only
 * on success, and leave a message that names path, argument and limit (marray_message(), or the
 * message of the spec while there is no array yet).
 *
 * Threads: different views may be used by different threads at once; one view, like one FILE, by
 * one at a time. Elements have no locks: see marray_lock().
 */
#ifndef MARRAY_H
#define MARRAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#ifdef __GNUC__
/* Some functions are called like the struct they fill, which C++ calls shadowing. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#endif
#endif

#ifdef MARRAY_BUILDS_DLL
#define MARRAY_API __declspec(dllexport)
#elif defined(__GNUC__)
#define MARRAY_API __attribute__((visibility("default")))
#else
#define MARRAY_API
#endif

#define MARRAY_VERSION_MAJOR 0
#define MARRAY_VERSION_MINOR 1
#define MARRAY_VERSION_PATCH 0

#define MARRAY_MAX_DIMENSIONS 64

/* A live view of a mapped array. Owned by the caller; release with marray_close(). */
struct marray;

/* ---- Element types ----------------------------------------------------------------------------
 *
 * Where a dtype is asked for, write the descr that numpy does. '<' little endian, '>' big endian,
 * '=' or nothing the machine's order, '|' no order:
 *
 *   |b1 |i1 <i2 <i4 <i8 |u1 <u2 <u4 <u8 <f2 <f4 <f8 <c8 <c16   numbers; also "d", "float64" ...
 *   |S3                    3 bytes of text, padded with zeros
 *   <U2                    2 characters of UCS-4, padded with zeros
 *   |V5                    5 bytes without a meaning
 *   <M8[ns] <m8[25us] <M8  times and time differences: an i8 of units Y M W D h m s ms us ns ps fs
 *                          as, or of none; the least i8 is "not a time"
 *   [('a', '<i4'), ('', '|V4'), ('b', '<f8', (2,)), (('title', 'c'), [('x', '|u1')])]
 *                          a record: fields one behind the other, each with a name, or a title and
 *                          a name, in UTF-8; a dtype, also a record; and perhaps the shape of a
 *                          sub-array. A blank of no name is space, as alignment leaves it
 *
 * -EINVAL: not a dtype, one of objects, or one of no bytes; -EOVERFLOW: an item of 2^31 bytes or
 * more; -ENOTSUP: long doubles, records nested more than 32 deep, names with NUL.
 * Source: numpy.lib.format.dtype_to_descr() and descr_to_dtype() of numpy 1.24.
 */

/* ---- Opening ----------------------------------------------------------------------------------
 */

/* numpy's modes. Stores into READ arrays fail with -EACCES. */
enum marray_mode {
    MARRAY_READ_WRITE,   /* "r+": an existing file; grows when the shape asks for more */
    MARRAY_READ,         /* "r" */
    MARRAY_CREATE,       /* "w+": zeros, a file of the exact size; needs a shape */
    MARRAY_COPY_ON_WRITE /* "c": stores are seen here only; the file never changes */
};

/* Accepts "r", "r+", "w+", "c" and readonly, readwrite, write, copyonwrite; -EINVAL otherwise. */
MARRAY_API int marray_parse_mode(const char *text, enum marray_mode *mode);

enum marray_order { MARRAY_ORDER_C, MARRAY_ORDER_F };

/* How the access will go; enum values are stable. Per view, see marray_advise(). */
enum marray_advice {
    MARRAY_ADVICE_NORMAL,
    MARRAY_ADVICE_SEQUENTIAL,
    MARRAY_ADVICE_RANDOM,
    MARRAY_ADVICE_WILLNEED,
    MARRAY_ADVICE_POPULATE,
    MARRAY_ADVICE_COLD,
    MARRAY_ADVICE_PAGEOUT,
    MARRAY_ADVICE_HUGE_PAGES
};

/* Space for one line; filled on failure where there is no array to ask. Plain data. */
#define MARRAY_MESSAGE_BYTES 512
struct marray_message {
    char text[MARRAY_MESSAGE_BYTES];
};

/* Bits of marray_spec.flags. */
enum marray_flag {
    MARRAY_SPARSE = 1 << 0, /* do not allocate blocks when a file is created or grows; a full
                               disk then shows as SIGBUS at a store instead of ENOSPC here */
    MARRAY_DURABLE_CREATE = 1 << 1, /* CREATE: written under a temporary name and renamed when
                                    whole, the folder fsynced; the old file stays until then */
    /* Gives the descriptor up once the file is mapped, so that many arrays can be open: as many as
     * vm.max_map_count maps allow. What then needs it fails with -EBADF: flushes of level ASYNC and
     * FULL (on Windows all of them), locks, other lengths, residency, walks in chunks. The calls no
     * longer notice a file that was cut within its last page. */
    MARRAY_CLOSE_DESCRIPTOR = 1 << 2,
    /* Children after fork() do not have the map: calls there fail with -EPERM, marray_data() is
     * NULL, and marray_close() releases what there is. */
    MARRAY_NO_FORK = 1 << 3
};

/* What to map. Start from MARRAY_SPEC_INIT; the struct may grow, size_bytes tells which one a
 * caller was compiled against. Everything is borrowed for the call. */
struct marray_spec {
    size_t size_bytes;
    enum marray_mode mode;
    const char *dtype; /* see Element types; NULL means "|u1" (raw), and what the header says for
                          .npy (a new .npy without one is "<f8") */
    uint64_t offset_bytes; /* of the first element in the file; any alignment. Not for .npy */
    int dimensions;        /* number of axes; MARRAY_INFER_SHAPE: one axis, as long as the file */
    const uint64_t *shape;
    enum marray_order order;
    uint32_t flags;
    struct marray_message *message; /* may be NULL */
    uint64_t npy_header_limit;      /* characters of a .npy header that are read; 0: 10,000, beyond
                                       which it may have been made to do harm */
};

#define MARRAY_INFER_SHAPE (-1)

#define MARRAY_SPEC_INIT                                                                  \
    {                                                                                     \
        sizeof(struct marray_spec), MARRAY_READ_WRITE, NULL, 0, MARRAY_INFER_SHAPE, NULL, \
            MARRAY_ORDER_C, 0, NULL, 0                                                    \
    }

/*
 * Maps the elements of the file at path as spec says. Everything is validated before the file is
 * opened for writing: a bad argument leaves an existing file whole.
 * -EINVAL  bad dtype, shape, mode or flags; no shape with CREATE; size not a multiple of the item
 * -EOVERFLOW the shape's product or offset does not fit
 * -ENODATA the file is shorter than the shape in a mode that cannot grow it, or than the offset
 * -EISDIR, -ENODEV not a regular file; -ENOTSUP a dtype of numpy's that is missing here
 * -ENOENT, -EACCES, -ENOSPC, -ENOMEM ... from the system. A new file is gone again then and an old
 * one has its bytes and its length, with two exceptions that the message tells: a device that fails
 * while CREATE clears old contents, the last step; and a folder that cannot be made durable after
 * DURABLE_CREATE has put the whole new file in place of an old one.
 */
MARRAY_API int marray_open(const char *path, const struct marray_spec *spec, struct marray **array);

/*
 * CREATE and processes that have the old file mapped: an old file that is long enough is cleared in
 * place, and they see the zeros. One that is longer is never cut, since that would kill them at
 * their next touch: a new file takes its name (and its permissions and, where the system lets, its
 * owner), and they keep the old one, which no name leads to any more. So it does not stay one file
 * for other hard links, and the folder must be writable. Creators of one path take turns by a lock
 * on a byte beyond all data; the last one's file is the one that stays.
 */

/* The same for a .npy file: dtype, shape and order come from its header and those of spec are
 * ignored, except with CREATE, which writes one (the first of version 1.0, 2.0 and 3.0 that will
 * do). -EBADMSG: not a .npy file, or a header that numpy would refuse too; -EINVAL for an
 * offset_bytes. */
MARRAY_API int marray_open_npy(const char *path, const struct marray_spec *spec,
                               struct marray **array);

/* An array within a .npz file that is stored, not compressed (numpy.savez), mapped in place; member
 * is its name with or without ".npy". Modes READ and COPY_ON_WRITE only, since a store would make
 * the checksum in the archive wrong. -ENOTSUP: a compressed member or another mode; -ENOENT no such
 * file or member; -EBADMSG not a .npz file, or a member that is no valid .npy. */
MARRAY_API int marray_open_npz(const char *path, const char *member, const struct marray_spec *spec,
                               struct marray **array);

/*
 * The same API without a path. marray_path() is a name for messages then, and there is no
 * description as text.
 *
 * marray_open_anonymous() maps zeros that no file has: in mode CREATE shared with children after
 * fork, in mode COPY_ON_WRITE this process's own. It needs a shape and has no descriptor: flushes
 * do nothing, the length is fixed, there are no locks (-EBADF). MARRAY_SPARSE promises pages beyond
 * what there is in memory.
 *
 * marray_open_memfd() makes a file in memory, in mode CREATE, whose marray_descriptor() others may
 * be handed, by fork or SCM_RIGHTS; it can be resized, appended to and locked. name is what
 * /proc shows. Its memory is allocated at once unless MARRAY_SPARSE is given. -EOPNOTSUPP on
 * Windows.
 *
 * marray_open_descriptor() opens the regular file behind a descriptor once more, in modes READ,
 * READ_WRITE and COPY_ON_WRITE, with locks of its own; the descriptor stays the caller's. -EACCES
 * where the file's permissions forbid that, -ENOENT without /proc, -EBADF not a descriptor.
 *
 * Otherwise all fail as marray_open() does; another mode is -EINVAL.
 */
MARRAY_API int marray_open_anonymous(const struct marray_spec *spec, struct marray **array);
MARRAY_API int marray_open_memfd(const char *name, const struct marray_spec *spec,
                                 struct marray **array);
MARRAY_API int marray_open_descriptor(int descriptor, const struct marray_spec *spec,
                                      struct marray **array);

/*
 * Releases a view; the map goes with the last one. *array becomes NULL. Closing NULL is fine.
 * -EBUSY while views of this array live (only for the array that was opened; it stays open).
 * Changes are in the page cache then, but not durable: marray_flush() first.
 */
MARRAY_API int marray_close(struct marray **array);

/* ---- Other lengths ----------------------------------------------------------------------------
 */

/*
 * Gives the opened array another shape, also of other dimensions; elements keep their place in the
 * file, new ones are zero, or what the file has there. The file grows or shrinks with it (bytes
 * behind the array that are not its own stay) and the header of a .npy file is rewritten in its
 * place. marray_data() and all accessors made before are void afterwards. What fails leaves array,
 * header and length as they were: -EBUSY while views live; -EINVAL for a view; -EACCES in modes r
 * and c; -EPERM in a child after fork, whose parent would not know; -EBADF without a descriptor;
 * -EOVERFLOW; -ENOSPC, also when the header has no room for the digits.
 */
MARRAY_API int marray_resize(struct marray *array, int dimensions, const uint64_t *shape);

/*
 * Puts count more entries behind the last ones of the first axis (the last axis of a Fortran
 * array): the view that they make is written as marray_write() does it. The file grows by doubling,
 * and is cut to what is used, its header written, by the next flush at level data or full and by
 * marray_close(), which returns the error of that if it fails (the array is closed nevertheless).
 * The first append may move the map and then reserves address space: 16 times the array and at
 * least 1 GiB. Until that is used up marray_data() stays what it is. Fails as marray_resize() does.
 */
MARRAY_API int marray_append(struct marray *array, uint64_t count, const char *dtype,
                             const void *buffer, size_t buffer_bytes);

/* ---- Asking -----------------------------------------------------------------------------------
 */

MARRAY_API const char *marray_message(const struct marray *array); /* of the last failed call */
MARRAY_API const char *marray_path(const struct marray *array);
MARRAY_API enum marray_mode marray_mode(const struct marray *array);
MARRAY_API const char *marray_dtype(const struct marray *array); /* canonical descr */
MARRAY_API size_t marray_item_bytes(const struct marray *array);
MARRAY_API int marray_dimensions(const struct marray *array);
MARRAY_API const uint64_t *marray_shape(const struct marray *array);  /* [dimensions] elements */
MARRAY_API const int64_t *marray_strides(const struct marray *array); /* [dimensions] bytes */
MARRAY_API uint64_t marray_length(const struct marray *array);        /* elements in all */
MARRAY_API uint64_t marray_size_bytes(const struct marray *array);    /* length x item bytes */
MARRAY_API uint64_t
marray_offset_bytes(const struct marray *array); /* first element, in the file */
MARRAY_API bool marray_is_contiguous(const struct marray *array, enum marray_order order);
/* The first element (the last in memory for a negative stride). Unguarded: a touch beyond the end
 * of a file that was cut raises SIGBUS. NULL for an array without elements. */
MARRAY_API void *marray_data(const struct marray *array);
/* The open descriptor, still the array's; -1 when it was given up or there is none. */
MARRAY_API int marray_descriptor(const struct marray *array);

/* ---- Views ------------------------------------------------------------------------------------
 */

/* One part of a subscript. Build with the macros below. */
enum marray_slice_kind {
    MARRAY_SLICE_RANGE,
    MARRAY_SLICE_INDEX,
    MARRAY_SLICE_NEW_AXIS,
    MARRAY_SLICE_ELLIPSIS
};
#define MARRAY_NONE INT64_MIN /* an omitted start or stop */
struct marray_slice {
    enum marray_slice_kind kind;
    int64_t start; /* or the index; negative counts from the end */
    int64_t stop;
    int64_t step; /* not 0 */
};
/* C++ has no compound literals. */
#ifdef __cplusplus
static inline struct marray_slice marray_slice_part(enum marray_slice_kind kind, int64_t start,
                                                    int64_t stop, int64_t step)
{
    struct marray_slice part = {kind, start, stop, step};
    return part;
}
#define MARRAY_SLICE_PART(kind, start, stop, step) \
    marray_slice_part((kind), (start), (stop), (step))
#else
#define MARRAY_SLICE_PART(kind, start, stop, step) \
    ((struct marray_slice){(kind), (start), (stop), (step)})
#endif
#define MARRAY_RANGE(start, stop, step) MARRAY_SLICE_PART(MARRAY_SLICE_RANGE, start, stop, step)
#define MARRAY_ALL                      MARRAY_RANGE(MARRAY_NONE, MARRAY_NONE, 1)
#define MARRAY_REVERSED                 MARRAY_RANGE(MARRAY_NONE, MARRAY_NONE, -1)
#define MARRAY_AT(index)                MARRAY_SLICE_PART(MARRAY_SLICE_INDEX, index, 0, 1)
#define MARRAY_NEW_AXIS                 MARRAY_SLICE_PART(MARRAY_SLICE_NEW_AXIS, 0, 0, 1)
#define MARRAY_ELLIPSIS                 MARRAY_SLICE_PART(MARRAY_SLICE_ELLIPSIS, 0, 0, 1)

/* array[slices[0], ..., slices[count-1]] with Python's rules: ranges clamp, an index outside is
 * -ERANGE, more parts than axes -EINVAL. The view is the caller's. */
MARRAY_API int marray_slice(const struct marray *array, const struct marray_slice *slices,
                            size_t count, struct marray **view);
/* axes NULL: reversed; otherwise a permutation of 0 .. dimensions-1, else -EINVAL. */
MARRAY_API int marray_transpose(const struct marray *array, const int *axes, struct marray **view);

/* The elements under another shape of as many, in C order: axes[dimensions] lengths, one of which
 * may be MARRAY_INFER_LENGTH. -EINVAL: another number of elements, or strides that would need a
 * copy of the elements (numpy makes one silently): marray_read() is that copy. */
#define MARRAY_INFER_LENGTH UINT64_MAX
MARRAY_API int marray_reshape(const struct marray *array, int dimensions, const uint64_t *shape,
                              struct marray **view);
/* The field of that name or title of every record: the dtype of the field, and for a sub-array its
 * axes behind those of the array. -EINVAL: no records, no such field, a field of no bytes, or more
 * than MARRAY_MAX_DIMENSIONS axes. */
MARRAY_API int marray_field(const struct marray *array, const char *name, struct marray **view);
/* The same bytes as another dtype. Of the same size: any layout will do; of another size, the last
 * axis has no gaps and its bytes are parted anew, by numpy's rules: a smaller item divides the
 * larger one, a larger one divides the axis. Else -EINVAL. */
MARRAY_API int marray_view_as(const struct marray *array, const char *dtype, struct marray **view);

/* ---- Views as text ------------------------------------------------------------------------------
 */

/*
 * Describes a view, with its file's absolute path, byte offset, dtype, shape, strides and mode, as
 * one word that another process hands to marray_open_description():
 *   marray:1;mode=r+;dtype=<f8;offset=128;shape=3,4;strides=32,8;path=/data/a.npy
 * What is neither letter, digit nor one of / . _ - + < > = | , : ~ stands as %XX. -ERANGE when size
 * bytes are too few, -ENOTSUP for arrays without a file.
 */
MARRAY_API int marray_describe(const struct marray *array, char *text, size_t size);
/* Opens what a description says as an array of its own; mode "w+" was described as "r+". Never
 * creates a file or makes it longer, and cannot be resized. -EINVAL, -EOVERFLOW: not a description;
 * -ENODATA: the file is too short; or as marray_open(). The message may be NULL. */
MARRAY_API int marray_open_description(const char *text, struct marray_message *message,
                                       struct marray **array);

/* ---- Copying ----------------------------------------------------------------------------------
 */

/*
 * Runs of bytes that move unchanged go through the map or, where pages are missing or their first
 * touch costs more, by pread and pwrite on the file, whichever is faster; both show the same bytes
 * at once to everybody. A pwrite would make a file longer again that somebody cuts meanwhile, so it
 * is used only under a lease (fcntl(2)): of a file that nobody else has open, and whoever opens or
 * cuts it during a call waits for milliseconds. Where there is no lease stores go through the map.
 * Who comes while it is held sends this process a SIGURG, which is ignored by default.
 */

/*
 * Dense copies of all elements in C order of the view, into and out of buffer_bytes bytes of dtype
 * (NULL: the array's own). Converts byte order and type as an assignment of numpy does:
 *
 * - numbers: 3.9 into an integer stores 3; what the integer cannot hold gives some number, the same
 *   one everywhere
 * - text: cut or padded with zeros; between S and U only ASCII, else -EILSEQ at that element
 * - voids: from voids and S, cut or padded with zeros
 * - times: to units that are a multiple or a part of theirs, rounded down (not between years or
 *   months and the rest); also from and to numbers, as the i8 that they are
 * - records: field by field in order, whatever the names; what lies between the fields stays
 *
 * All else is -EINVAL. The buffer must not overlap the map. -EINVAL when buffer_bytes is not length
 * x item size of dtype; -EACCES when read-only.
 */
MARRAY_API int marray_read(const struct marray *array, const char *dtype, void *buffer,
                           size_t buffer_bytes);
MARRAY_API int marray_write(struct marray *array, const char *dtype, const void *buffer,
                            size_t buffer_bytes);
/* Every element becomes the one value of dtype at value. */
MARRAY_API int marray_fill(struct marray *array, const char *dtype, const void *value);

/*
 * Element k of the view, counted in C order, becomes start + k * step, as numpy.arange() reshaped.
 * start and step are of dtype (NULL: the array's own): integers, which are added up exactly, or
 * real floats, of which each element is one product and one sum in double, then converted:
 * fractions are cut from the element, not from the step. Arrays of times take numbers, or times of
 * their dtype. All is checked before the first store: -ERANGE  the first or the last element is
 * none that the array's type holds: nothing wraps and no float becomes infinite, other than by an
 * assignment -ENOTSUP arrays or numbers that are neither integers, real floats nor times -EINVAL  a
 * start or step that is infinite or not a number; times of another dtype -EACCES  a read-only array
 */
MARRAY_API int marray_ramp(struct marray *array, const char *dtype, const void *start,
                           const void *step);

/* destination[...] = source: every axis of source, from the last one on, is as long as that of
 * destination, or of length 1 and repeated; converted as above. The two may be views of one array
 * and overlap: then source is read as it was before, by way of a copy in memory (-ENOMEM). Two
 * opens of one file are not known to overlap. -EINVAL: shapes or dtypes that do not fit; -EACCES: a
 * read-only destination. Messages are destination's. */
MARRAY_API int marray_copy(struct marray *destination, const struct marray *source);

/* One element by its index[dimensions] (negative counts from the end; -ERANGE outside), converted.
 * Convenient and checked; loops want the accessors below. */
MARRAY_API int marray_get(const struct marray *array, const int64_t *index, const char *dtype,
                          void *value);
MARRAY_API int marray_set(struct marray *array, const int64_t *index, const char *dtype,
                          const void *value);

/* ---- Gathering by an index list ---------------------------------------------------------------
 */

/*
 * buffer[k] = array[indices[k]] along the first axis, for every k below count, as numpy's take():
 * elements of one axis, rows or blocks of more. Any order, repeats, negative indices from the end.
 * Dense in C order, in the dtype given (NULL: the array's own), converted as by marray_read().
 * Where pages are missing their reads are kept in flight ahead, up to 512 pages at a time; under
 * MARRAY_ADVICE_RANDOM no others are read. Blocks without gaps go by pread or pwrite where those
 * are faster than touching the map, see Copying. -ERANGE an index outside, -EINVAL an array without
 * axes or a buffer of another size; nothing has moved then.
 */
MARRAY_API int marray_gather(const struct marray *array, const int64_t *indices, size_t count,
                             const char *dtype, void *buffer, size_t buffer_bytes);
/* array[indices[k]] = buffer[k], in the order of the list: the last one wins. -EACCES: read-only.
 */
MARRAY_API int marray_scatter(struct marray *array, const int64_t *indices, size_t count,
                              const char *dtype, const void *buffer, size_t buffer_bytes);
/* The same for plain bytes of an array without gaps: block k of the buffer is bytes
 * [blocks[k] * block_bytes, + block_bytes) of the array, counted from its first byte. */
MARRAY_API int marray_gather_blocks(const struct marray *array, uint64_t block_bytes,
                                    const uint64_t *blocks, size_t count, void *buffer);
MARRAY_API int marray_scatter_blocks(struct marray *array, uint64_t block_bytes,
                                     const uint64_t *blocks, size_t count, const void *buffer);

/* ---- Reducing ---------------------------------------------------------------------------------
 */

/*
 * Over all elements of a view, at the speed of memory where they stand side by side and without a
 * copy where they do not. *sum and so on are of dtype; NULL: what is added up in, "=i8" for signed
 * integers, "=u8" for unsigned ones and bools, "=f8" for floats, and for the extremes the array's
 * own. Integers wrap; floats are added in double with the rounding errors of all but the innermost
 * thousand made up for, so that the result may differ from numpy's in the last digits. A NaN makes
 * the extremes NaN, as numpy has it. -ENOTSUP: dtypes other than bool, integers and real floats;
 * -EINVAL: extremes of nothing, dot products of other than two arrays of one axis and one length.
 */
MARRAY_API int marray_sum(const struct marray *array, const char *dtype, void *sum);
MARRAY_API int marray_min(const struct marray *array, const char *dtype, void *least);
MARRAY_API int marray_max(const struct marray *array, const char *dtype, void *greatest);
MARRAY_API int marray_dot(const struct marray *a, const struct marray *b, const char *dtype,
                          void *product);

/* ---- Bytes --------------------------------------------------------------------------------------
 */

/*
 * What Python's mmap objects do, on the bytes of a view without gaps (-EINVAL for others), counted
 * from its first byte.
 *
 * The first or last place of the needle within [start, stop), *position -1 when there is none.
 * Bounds as in bytes.find(): MARRAY_NONE is omitted, negative ones count from the end, those beyond
 * the end clamp; an empty needle is found at the start, or by marray_rfind() at the stop.
 */
MARRAY_API int marray_find(const struct marray *array, const void *needle, size_t needle_bytes,
                           int64_t start, int64_t stop, int64_t *position);
MARRAY_API int marray_rfind(const struct marray *array, const void *needle, size_t needle_bytes,
                            int64_t start, int64_t stop, int64_t *position);
/* Copies count bytes from source to target, which may overlap; -ERANGE outside, -EACCES read-only.
 */
MARRAY_API int marray_move(struct marray *array, uint64_t target, uint64_t source, uint64_t count);
/* *count is less than size only at the end; -ERANGE for a start beyond it. */
MARRAY_API int marray_read_at(const struct marray *array, uint64_t start, void *buffer, size_t size,
                              size_t *count);
/* All or nothing: -ERANGE when they do not fit, -EACCES read-only. */
MARRAY_API int marray_write_at(struct marray *array, uint64_t start, const void *buffer,
                               size_t size);

/* ---- Streaming in chunks ------------------------------------------------------------------------
 */

enum marray_chunks_access {
    MARRAY_CHUNKS_READ,
    MARRAY_CHUNKS_WRITE, /* or both; what was stored is on its way to the device behind the loop */
};

/* Start from MARRAY_CHUNKS_SPEC_INIT; the struct may grow. */
struct marray_chunks_spec {
    size_t size_bytes;
    enum marray_chunks_access access;
    bool backward;
    uint64_t rows;         /* of a chunk, along the outermost axis; 0: an eighth of the budget */
    uint64_t budget_bytes; /* of the array that may be in memory at a time */
    bool durable; /* WRITE: also made durable behind the loop, by a thread of the walk (Linux) */
};

#define MARRAY_CHUNKS_BUDGET_BYTES ((uint64_t)64 << 20)
#define MARRAY_CHUNKS_SPEC_INIT                                          \
    {                                                                    \
        sizeof(struct marray_chunks_spec), MARRAY_CHUNKS_READ, false, 0, \
            MARRAY_CHUNKS_BUDGET_BYTES, false                            \
    }

/* A walk over an array, larger than memory if need be. Released by marray_chunks_close(). */
struct marray_chunks;

/*
 * Begins a walk over array, which must stay open. The outermost axis is the one with the largest
 * stride: the first of a C array, the last of a Fortran one. Reads go ahead of the loop, write-back
 * follows it, and behind it pages leave memory and the page cache, so that no more than
 * budget_bytes of the array are resident because of the walk (what was cached before ahead of it,
 * and pages that others have mapped, do not count). Pages of a COPY_ON_WRITE array stay, since
 * its stores have no other place.
 * Arrays without gaps are left to the kernel's read-ahead, under the advice sequential until the
 * walk is closed, when the budget is 32 MiB or more; with advice huge pages given before, the
 * kernel reads and maps 2 MiB at a time, where the file system has large folios.
 * durable: whenever twice the budget was written back, it is made durable while the loop goes on;
 * the marray_flush() after the walk, which alone promises durability, has little left to do then.
 * Other programs wait for the device's flushes too. -EINVAL: a chunk or a single row beyond a
 * quarter of the budget, a budget below 64 pages; -EACCES: WRITE on a read-only array.
 */
MARRAY_API int marray_chunks_open(struct marray *array, const struct marray_chunks_spec *spec,
                                  struct marray_chunks **chunks);
/* Sets *chunk to a view of the next rows, the last chunk of a walk may be shorter, or to NULL after
 * the last one. The view is the walk's and ends with the next call. Errors of write-back (-EIO,
 * -ENOSPC ...) stay with the array as those of marray_flush() do; message by marray_message().
 * -EFAULT: the file no longer reaches to the end of this chunk or of the one before. */
MARRAY_API int marray_chunks_next(struct marray_chunks *chunks, struct marray **chunk);
/* Ends a walk, at any time: write-back of the last chunks is started, not awaited. *chunks becomes
 * NULL, also on error. */
MARRAY_API int marray_chunks_close(struct marray_chunks **chunks);
/* The whole walk: call(chunk, context) for every chunk, guarded as by marray_guarded(), until one
 * returns something other than 0, which is returned then. chunk is the walk's. */
typedef int marray_chunk_call(struct marray *chunk, void *context);
MARRAY_API int marray_chunks_each(struct marray *array, const struct marray_chunks_spec *spec,
                                  marray_chunk_call *call, void *context);

/* ---- Files that change under the map ---------------------------------------------------------
 */

/*
 * A page that cannot be had (the file was cut, the disk is full under a sparse file, the device
 * failed) raises SIGBUS. The calls above turn that into an error in any thread, any number of
 * times: -EFAULT when the file was cut, -ENOSPC, -EDQUOT or -EIO; elements before the failure may
 * have been copied by then. A file that was cut within its last page is noticed as well, by all but
 * marray_get() and marray_set(), which may see zeros there.
 *
 * marray_guarded() does the same for code of yours that uses marray_data() or the accessors: it
 * returns what call(context) returns, or such an error as soon as a page of array's map cannot be
 * had. The call is left by a jump then: it should hold no lock and own nothing that must be freed,
 * keep its results behind context, and return normally otherwise (no longjmp, no C++ exception).
 * Calls may be nested, for two arrays at once.
 *
 * The first of all these calls installs a handler for SIGBUS. Faults that are not in a guarded call
 * go to the handler that was there before, or kill the process as ever. A handler that the program
 * installs later replaces ours: it gets all faults first and must pass those that it does not know
 * to the one that sigaction() gave it, or guarded calls end there.
 */
typedef int marray_guarded_call(void *context);
MARRAY_API int marray_guarded(const struct marray *array, marray_guarded_call *call, void *context);

/* ---- Durability -------------------------------------------------------------------------------
 */

enum marray_flush_level {
    MARRAY_FLUSH_ASYNC, /* starts write-back, does not wait */
    MARRAY_FLUSH_DATA,  /* returns when the data is durable */
    MARRAY_FLUSH_FULL   /* data and metadata, and the folder entry of a file that open created */
};

/* The whole map, whatever the view; nothing to do and 0 for READ and COPY_ON_WRITE. After an error
 * from storage (-EIO, -ENOSPC, -EDQUOT) the map stays failed: every later flush returns it again,
 * since the kernel may report success for pages it has dropped. */
MARRAY_API int marray_flush(struct marray *array, enum marray_flush_level level);
/* Bytes [start, start + length) counted from offset_bytes of the opened array; any alignment;
 * -ERANGE outside. */
MARRAY_API int marray_flush_range(struct marray *array, uint64_t start, uint64_t length,
                                  enum marray_flush_level level);
/* The pages that elements of this view touch, and where that is faster also what else is dirty
 * between them, in one call (level FULL: the whole file). */
MARRAY_API int marray_flush_view(struct marray *array, enum marray_flush_level level);
/* The system calls that level uses here, for reports: "msync(MS_SYNC)". Static text. */
MARRAY_API const char *marray_flush_calls(const struct marray *array,
                                          enum marray_flush_level level);

/* ---- Advice and residency ---------------------------------------------------------------------
 */

/* For the pages of the view; advice that the kernel keeps with the map (normal, sequential, random,
 * huge pages) for all pages from its first to its last. -EOPNOTSUPP when this system or kernel has
 * no such advice, -EINVAL when it does not grant it for this kind of file: the probe is to ask. */
MARRAY_API int marray_advise(struct marray *array, enum marray_advice advice);
/* The same for the pages of bytes [start, start + length) counted from offset_bytes of the opened
 * array; a length beyond the end means to the end, a start beyond it is -ERANGE. */
MARRAY_API int marray_advise_range(struct marray *array, uint64_t start, uint64_t length,
                                   enum marray_advice advice);
/* Whether the advice would be taken, without giving it: 0, -EOPNOTSUPP as above, or -EPERM where
 * the kernel would pass over it in silence (pageout of files that one neither owns nor may write).
 * What a file system makes of huge pages shows only in the effect. */
MARRAY_API int marray_probe_advice(const struct marray *array, enum marray_advice advice);
MARRAY_API const char *marray_advice_name(enum marray_advice advice);
MARRAY_API int marray_parse_advice(const char *text, enum marray_advice *advice);
/* How many bytes of the view's pages are in memory, and how many there are. -EPERM where the system
 * does not tell (cachestat and mincore refuse files of others). */
MARRAY_API int marray_residency(const struct marray *array, uint64_t *resident_bytes,
                                uint64_t *total_bytes);

/* ---- Element access at the price of a pointer -------------------------------------------------
 */

/*
 * Typed windows on a view, made once outside the loop; get and set are inline and unchecked. All
 * need the type in the machine's byte order (-EINVAL otherwise), are valid as long as the view, and
 * are unguarded like marray_data().
 *
 *   marray_f8_vector   one axis whose elements stand side by side: compiles to what an array does,
 *                      vector instructions included
 *   marray_f8_strided  one axis of any stride: what a pointer with a step costs
 *   marray_f8_matrix   two axes of any strides
 */
#define MARRAY_ACCESSOR_TYPES(X) \
    X(i1, int8_t)                \
    X(i2, int16_t)               \
    X(i4, int32_t)               \
    X(i8, int64_t)               \
    X(u1, uint8_t)               \
    X(u2, uint16_t)              \
    X(u4, uint32_t)              \
    X(u8, uint64_t)              \
    X(f4, float)                 \
    X(f8, double)

/* Used by the generated functions: checks type, axes and writability. */
MARRAY_API int marray_accessor_check(const struct marray *array, const char *native_dtype,
                                     int dimensions, bool writable);
/* The same for one axis without gaps; -EINVAL says to use the strided accessor. */
MARRAY_API int marray_vector_check(const struct marray *array, const char *native_dtype,
                                   bool writable);

/* memcpy, since elements may be unaligned: it is one load or store. */
#define MARRAY_DEFINE_VECTOR(name, type)                                                     \
    struct marray_##name##_vector {                                                          \
        unsigned char *data;                                                                 \
        uint64_t length;                                                                     \
    };                                                                                       \
    static inline int marray_##name##_vector(const struct marray *array, bool writable,      \
                                             struct marray_##name##_vector *vector)          \
    {                                                                                        \
        int status = marray_vector_check(array, #name, writable);                            \
        if (status)                                                                          \
            return status;                                                                   \
        vector->data = (unsigned char *)marray_data(array);                                  \
        vector->length = marray_shape(array)[0];                                             \
        return 0;                                                                            \
    }                                                                                        \
    static inline type marray_##name##_get(struct marray_##name##_vector vector, uint64_t i) \
    {                                                                                        \
        type value;                                                                          \
        memcpy(&value, vector.data + i * sizeof(type), sizeof(type));                        \
        return value;                                                                        \
    }                                                                                        \
    static inline void marray_##name##_set(struct marray_##name##_vector vector, uint64_t i, \
                                           type value)                                       \
    {                                                                                        \
        memcpy(vector.data + i * sizeof(type), &value, sizeof(type));                        \
    }

#define MARRAY_DEFINE_STRIDED(name, type)                                                  \
    struct marray_##name##_strided {                                                       \
        unsigned char *data;                                                               \
        uint64_t length;                                                                   \
        int64_t stride_bytes;                                                              \
    };                                                                                     \
    static inline int marray_##name##_strided(const struct marray *array, bool writable,   \
                                              struct marray_##name##_strided *strided)     \
    {                                                                                      \
        int status = marray_accessor_check(array, #name, 1, writable);                     \
        if (status)                                                                        \
            return status;                                                                 \
        strided->data = (unsigned char *)marray_data(array);                               \
        strided->length = marray_shape(array)[0];                                          \
        strided->stride_bytes = marray_strides(array)[0];                                  \
        return 0;                                                                          \
    }                                                                                      \
    static inline type marray_##name##_strided_get(struct marray_##name##_strided strided, \
                                                   uint64_t i)                             \
    {                                                                                      \
        type value;                                                                        \
        memcpy(&value, strided.data + (int64_t)i * strided.stride_bytes, sizeof(type));    \
        return value;                                                                      \
    }                                                                                      \
    static inline void marray_##name##_strided_set(struct marray_##name##_strided strided, \
                                                   uint64_t i, type value)                 \
    {                                                                                      \
        memcpy(strided.data + (int64_t)i * strided.stride_bytes, &value, sizeof(type));    \
    }

#define MARRAY_DEFINE_MATRIX(name, type)                                                      \
    struct marray_##name##_matrix {                                                           \
        unsigned char *data;                                                                  \
        uint64_t rows, columns;                                                               \
        int64_t row_stride_bytes, column_stride_bytes;                                        \
    };                                                                                        \
    static inline int marray_##name##_matrix(const struct marray *array, bool writable,       \
                                             struct marray_##name##_matrix *matrix)           \
    {                                                                                         \
        int status = marray_accessor_check(array, #name, 2, writable);                        \
        if (status)                                                                           \
            return status;                                                                    \
        matrix->data = (unsigned char *)marray_data(array);                                   \
        matrix->rows = marray_shape(array)[0];                                                \
        matrix->columns = marray_shape(array)[1];                                             \
        matrix->row_stride_bytes = marray_strides(array)[0];                                  \
        matrix->column_stride_bytes = marray_strides(array)[1];                               \
        return 0;                                                                             \
    }                                                                                         \
    static inline type marray_##name##_get2(struct marray_##name##_matrix matrix, uint64_t i, \
                                            uint64_t j)                                       \
    {                                                                                         \
        type value;                                                                           \
        memcpy(&value,                                                                        \
               matrix.data + (int64_t)i * matrix.row_stride_bytes +                           \
                   (int64_t)j * matrix.column_stride_bytes,                                   \
               sizeof(type));                                                                 \
        return value;                                                                         \
    }                                                                                         \
    static inline void marray_##name##_set2(struct marray_##name##_matrix matrix, uint64_t i, \
                                            uint64_t j, type value)                           \
    {                                                                                         \
        memcpy(matrix.data + (int64_t)i * matrix.row_stride_bytes +                           \
                   (int64_t)j * matrix.column_stride_bytes,                                   \
               &value, sizeof(type));                                                         \
    }

MARRAY_ACCESSOR_TYPES(MARRAY_DEFINE_VECTOR)
MARRAY_ACCESSOR_TYPES(MARRAY_DEFINE_STRIDED)
MARRAY_ACCESSOR_TYPES(MARRAY_DEFINE_MATRIX)

/* ---- Locks ------------------------------------------------------------------------------------
 */

enum marray_lock_kind { MARRAY_LOCK_SHARED, MARRAY_LOCK_EXCLUSIVE };

/*
 * Locks the bytes that the view spans in the file (a strided view: from its first byte to its last)
 * against other opens of the file, with OFD record locks: they belong to this open, vanish with it,
 * and mean nothing to those who do not lock. A view without elements locks nothing. timeout_ns: 0
 * tries once (-EAGAIN when held), UINT64_MAX waits for ever, else -ETIMEDOUT after it; -EINTR when
 * a signal handler without SA_RESTART ran. Exclusive locks need a writable file
 * (-EBADF). After fork() the child must open for itself: -EPERM on an inherited array, whose lock
 * would be the parent's too.
 */
MARRAY_API int marray_lock(struct marray *array, enum marray_lock_kind kind, uint64_t timeout_ns);
MARRAY_API int marray_unlock(struct marray *array);
/* The same for bytes [start, start + length) counted from offset_bytes of the opened array; length
 * 0: to its end; -ERANGE outside. Locks of one open that overlap are one: unlocking a part frees
 * that part, whoever of the views locked it. */
MARRAY_API int marray_lock_range(struct marray *array, uint64_t start, uint64_t length,
                                 enum marray_lock_kind kind, uint64_t timeout_ns);
MARRAY_API int marray_unlock_range(struct marray *array, uint64_t start, uint64_t length);

#ifdef __cplusplus
#ifdef __GNUC__
#pragma GCC diagnostic pop
#endif
}
#endif

#endif
