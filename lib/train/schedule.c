/* See schedule.h. */
#include "train/schedule.h"

#include <math.h>

static double cosine(const dsbi_schedule *s, uint64_t samples, uint64_t warmup)
{
    if (samples >= s->total_samples)
        return s->lr_min;
    double done = (double)(samples - warmup) / (double)(s->total_samples - warmup);
    return s->lr_min + 0.5 * (s->lr_peak - s->lr_min) * (1.0 + cos(3.14159265358979323846 * done));
}

static double steps(const dsbi_schedule *s, uint64_t samples)
{
    double lr = s->lr_peak;
    for (int i = 0; i < DSBI_MAX_MILESTONES; i++)
        if (s->milestones[i] > 0.0 &&
            (double)samples >= s->milestones[i] * (double)s->total_samples)
            lr *= s->factor;
    return lr;
}

double dsbi_schedule_lr(const dsbi_schedule *s, uint64_t samples)
{
    uint64_t warmup = s->warmup_samples > s->batch_size ? s->warmup_samples : 0;
    if (samples < warmup) {
        double done = (double)samples / (double)(warmup - s->batch_size);
        return s->lr_peak * (done < 1.0 ? done : 1.0);
    }
    return s->kind == DSBI_SCHEDULE_STEPS ? steps(s, samples) : cosine(s, samples, warmup);
}

uint64_t dsbi_schedule_steps(uint64_t samples_seen, uint64_t batch_size)
{
    uint64_t steps = samples_seen / batch_size;
    return steps > 0 ? steps : 1;
}
