/* What a name in a weight file may mean. Checkpoints of one network differ in names by who wrote
 * them: wrappers in front ("module.", "model_ema."), another author's words ("stages.0.blocks.1.
 * conv_dw" of timm for "stages.0.1.dwconv"). A reading is one way to understand a name; the caller
 * takes the first that is a parameter of its model, so no file has to say whose names it uses.
 *
 *     dsbi_reading r;
 *     for (dsbi_reading_start(&r, name); dsbi_reading_next(&r);)
 *         if (is_parameter(r.name)) ...
 */
#ifndef DSBI_NN_WEIGHT_NAMES_H
#define DSBI_NN_WEIGHT_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include "nn/graph.h"

typedef struct dsbi_reading {
    const char *rest; /* the file's name without the wrappers taken off so far */
    size_t rule;      /* of this reading; 0: none, the words are ours */
    size_t wrappers;  /* taken off so far */
    bool ema;         /* a wrapper says that this is a running mean of the weights */
    bool started;
    uint32_t third; /* 1 to 3: the tensor is that third of the parameter's rows; 0: all of it */
    char name[DSBI_MAX_NAME];
} dsbi_reading;

/* `file_name` is borrowed. */
void dsbi_reading_start(dsbi_reading *r, const char *file_name);
/* The next reading in r->name; false after the last. Names as they are come first, then rules, then
 * the same without the foremost wrapper. */
bool dsbi_reading_next(dsbi_reading *r);

/* Entries that files carry beside the weights and nobody needs: "bn1.num_batches_tracked". */
bool dsbi_name_is_idle(const char *file_name);

/* `pattern` against the whole of `text`: '#' is a number, '*' any run of characters; what they
 * match replaces $1, $2 ... of `meaning`; $1/2 is half of a number, rounded down, $1+1 and $1-1 its
 * neighbours. False: no match, longer than `out`, or a number below 0. */
bool dsbi_name_rewrite(char out[DSBI_MAX_NAME], const char *pattern, const char *meaning,
                       const char *text);

#endif
