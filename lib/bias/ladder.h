/* Which rungs run, with how much effort, so that all fits the time limit. The plan is made once,
 * from speeds measured at the start, then kept: the results depend on the plan and the seed, never
 * on the clock. It goes into the record, and a replay reads it back. */
#ifndef DSBI_BIAS_LADDER_H
#define DSBI_BIAS_LADDER_H

#include "base/json.h"
#include "base/json_write.h"
#include "bias/rung.h"

enum { DSBI_PLAN_MAX = 16, DSBI_MAX_NULL_CUTS = 3 };

typedef struct dsbi_plan_entry {
    const dsbi_rung *rung;
    char model[DSBI_RUNG_NAME_BYTES];
    uint64_t effort; /* 0: skipped, `why` says the reason */
    double estimate_s;
    char why[160];
} dsbi_plan_entry;

typedef struct dsbi_plan {
    uint64_t n_parts[3]; /* images per collection: train, select, test */
    dsbi_plan_entry entries[DSBI_PLAN_MAX];
    size_t n_entries;
    dsbi_speed speed;
    double limit_s;
    bool replayed;
} dsbi_plan;

/* Draws the parts: sizes from the plan if it was read from a record, else from the options, else
 * shares of the smallest collection under the caps of dsb_bias_opts. Fills plan->n_parts. */
dsb_status dsbi_plan_split(dsbi_plan *plan, dsb_runtime *rt, dsb_split **out,
                           const dsb_dataset *const *datasets, size_t n_datasets,
                           const dsb_duplicates *similar, const dsb_bias_opts *opts);

/* Chooses rungs and efforts. `spent_s` has gone by already. */
dsb_status dsbi_plan_rungs(dsbi_plan *plan, const dsbi_view *view, double images_per_second,
                           double spent_s);

/* The member "plan" of a record, and back. */
void dsbi_plan_write(const dsbi_plan *plan, dsbi_json_writer *w);
dsb_status dsbi_plan_read(dsbi_plan *plan, const dsbi_json_value *value);

#endif
