/* Structured types: the lists of numpy's descr. Used by dtype.c alone. */
#ifndef MARRAY_RECORD_H
#define MARRAY_RECORD_H

#include "mapping/dtype.h"

/* Reads a list of fields; depth is how many lists are open around it. */
int marray_record_read(struct marray_literal *literal, int depth, struct marray_dtype *dtype);
/* Reads a string that is a dtype. */
int marray_dtype_read_simple(struct marray_literal *literal, struct marray_dtype *dtype);

void marray_record_keep(struct marray_record *record);
void marray_record_release(struct marray_record *record);

#endif
