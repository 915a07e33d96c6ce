/* A bound on memory that many threads need at once, big and seldom: decoding large images. Who
 * takes waits until its share is free, in order of asking, so that nobody starves; a share is
 * clamped to the whole, so that one alone always gets through. Take once, give back, never take
 * twice. */
#ifndef DSBI_BASE_BUDGET_H
#define DSBI_BASE_BUDGET_H

#include <pthread.h>
#include <stdint.h>
#include "dsbias/base.h"

#define DSBI_BUDGET_BYTES ((uint64_t)384 << 20)

typedef struct dsbi_budget {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint64_t free_bytes;
    uint64_t next_ticket, serving;
} dsbi_budget;

void dsbi_budget_init(dsbi_budget *budget);
void dsbi_budget_destroy(dsbi_budget *budget);

/* Waits for min(n_bytes, DSBI_BUDGET_BYTES) and returns that: give it back. */
uint64_t dsbi_budget_take(dsb_runtime *rt, uint64_t n_bytes);
void dsbi_budget_give(dsb_runtime *rt, uint64_t taken);

#endif
