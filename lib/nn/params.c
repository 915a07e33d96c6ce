/* Parameters: initial values, and the way between memory order and stored order. */
#include <math.h>
#include "base/pool.h"
#include "base/rng.h"
#include "nn/nn.h"

/* Walks a parameter in memory order; gives the stored index of each element. */
typedef struct walk {
    size_t rank, size[DSBI_MAX_RANK], stride[DSBI_MAX_RANK], at[DSBI_MAX_RANK];
    size_t stored;
} walk;

static walk walk_start(const dsbi_param *param)
{
    walk w = {.rank = param->view_rank};
    size_t stride[DSBI_MAX_RANK], running = 1;
    for (size_t d = param->view_rank; d-- > 0;) {
        stride[d] = running;
        running *= param->view[d];
    }
    for (size_t d = 0; d < param->view_rank; d++) {
        w.size[d] = param->view[param->perm[d]];
        w.stride[d] = stride[param->perm[d]];
    }
    return w;
}

static void walk_next(walk *w)
{
    for (size_t d = w->rank; d-- > 0;) {
        w->stored += w->stride[d];
        if (++w->at[d] < w->size[d])
            return;
        w->stored -= w->size[d] * w->stride[d];
        w->at[d] = 0;
    }
}

void dsbi_reals_read(const dsbi_math *math, float *out, const void *reals, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (float)dsbi_real(math, reals, i);
}

void dsbi_reals_write(const dsbi_math *math, void *reals, const float *in, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dsbi_real_set(math, reals, i, in[i]);
}

void dsbi_param_read(const dsbi_param *param, const dsbi_math *math, const void *params, float *out)
{
    walk w = walk_start(param);
    for (size_t i = 0; i < param->size; i++, walk_next(&w))
        out[w.stored] = (float)dsbi_real(math, params, param->offset + i);
}

void dsbi_param_write(const dsbi_param *param, const dsbi_math *math, void *params, const float *in)
{
    walk w = walk_start(param);
    for (size_t i = 0; i < param->size; i++, walk_next(&w))
        dsbi_real_set(math, params, param->offset + i, in[w.stored]);
}

/* Kinds that depend on the shape become plain ones. Only weights have fans. */
static dsbi_init resolved(const dsbi_param *param)
{
    const double fan_in = (double)(param->size / param->dims[0]);
    const double fan_out = param->rank < 2 ? 1 : (double)(param->size / param->dims[1]);
    switch (param->init.kind) {
    case DSBI_INIT_TORCH:
        return (dsbi_init){DSBI_INIT_UNIFORM, 1 / sqrt(fan_in)};
    case DSBI_INIT_HE_FAN_IN:
        return (dsbi_init){DSBI_INIT_NORMAL, sqrt(2 / fan_in)};
    case DSBI_INIT_HE_FAN_OUT:
        return (dsbi_init){DSBI_INIT_NORMAL, sqrt(2 / fan_out)};
    default:
        return param->init;
    }
}

static double draw(dsbi_rng *rng, dsbi_init init)
{
    if (init.kind == DSBI_INIT_CONSTANT)
        return init.value;
    if (init.kind == DSBI_INIT_UNIFORM)
        return dsbi_rng_range(rng, -init.value, init.value);
    for (;;) {
        const double value = init.value * dsbi_rng_normal(rng);
        if (init.kind == DSBI_INIT_NORMAL || (value >= -2 && value <= 2))
            return value;
    }
}

typedef struct init_job {
    const dsbi_graph *graph;
    const dsbi_math *math;
    void *params;
    uint64_t seed;
} init_job;

/* Values are drawn in memory order. */
static dsb_status init_task(void *user, size_t task, size_t worker)
{
    (void)worker;
    const init_job *job = user;
    const dsbi_param *param = &job->graph->params[task];
    const dsbi_init init = resolved(param);
    dsbi_rng rng;
    dsbi_rng_init(&rng, job->seed, DSBI_RNG_INIT, task);
    for (size_t i = 0; i < param->size; i++)
        dsbi_real_set(job->math, job->params, param->offset + i, (float)draw(&rng, init));
    return DSB_OK;
}

dsb_status dsbi_init_params(dsb_runtime *rt, const dsbi_graph *graph, const dsbi_math *math,
                            void *params, uint64_t seed)
{
    init_job job = {graph, math, params, seed};
    return dsbi_parallel(rt, graph->n_params, init_task, &job);
}
