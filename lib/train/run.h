/* A whole run over a source of batches: progress, curve, evaluation, stopping. */
#ifndef DSBI_TRAIN_RUN_H
#define DSBI_TRAIN_RUN_H

#include "dsbias/train.h"

/* Where batches come from, for as long as they are asked for: in memory (arrays.c) or a loader
 * (run_loader.c). Pointers are lent until the next call. */
typedef struct dsbi_source {
    void *user;
    uint64_t n_images; /* of one pass */
    dsb_status (*next)(void *user, const uint8_t **images, const uint32_t **labels, size_t *n);
} dsbi_source;

/* `given` may be NULL. Plans 30 passes where samples_seen is DSB_TRAIN_AUTO. */
dsb_status dsbi_train_run(dsb_trainer *trainer, const dsbi_source *source,
                          const dsb_train_run_opts *given, dsb_event_fn fn, void *user);

#endif
