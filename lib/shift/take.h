/* Parts of taking a test set from files (take_sets.c). */
#ifndef DSBI_SHIFT_TAKE_H
#define DSBI_SHIFT_TAKE_H

#include "shift/shift.h"

/* values[place[i]] = values[i]; place NULL: as they are. */
dsb_status dsbi_shift_reorder(dsb_runtime *rt, uint32_t *values, const size_t *place, size_t n);
/* Column c is what model `name` says of the set's items, in the order of `place` (NULL: theirs);
 * `confidence`, NULL or one number an item, how sure it was. */
dsb_status dsbi_shift_take_column(dsb_shift *s, size_t set, const dsbi_column *c, const char *name,
                                  const dsbi_column *confidence, const size_t *place);

typedef struct dsbi_long_table {
    const dsbi_column *model, *item, *value, *label;
    dsbi_columns models; /* one column a model, made here */
    dsbi_column labels;  /* their values are to be freed */
    size_t n;            /* items */
} dsbi_long_table;

/* Fills `models`, `labels` (if there is a column of them) and n. */
dsb_status dsbi_shift_spread(dsb_shift *s, dsbi_long_table *t);

#endif
