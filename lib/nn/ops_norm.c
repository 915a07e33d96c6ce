/* dsb_layernorm_*, dsb_groupnorm_*, dsb_batchnorm_*: the layers of these names. */
#include <string.h>

#include "base/opts.h"
#include "nn/norm.h"
#include "nn/op.h"

_Static_assert(offsetof(dsb_norm_shape, eps) + sizeof(double) == sizeof(dsb_norm_shape),
               "no hole at the end of dsb_norm_shape");

enum { GAIN, BIAS, RUNNING_MEAN, RUNNING_VAR };

static const dsb_norm_shape defaults = {
    .struct_size = sizeof defaults, .rows = 1, .groups = 1, .eps = 1e-5};

void dsb_norm_shape_init(dsb_norm_shape *shape, size_t size)
{
    dsbi_opts_fill(shape, size, &defaults, sizeof defaults);
}

static dsb_status read_shape(dsb_norm_shape *s, const dsb_norm_shape *given, const char *what)
{
    *s = defaults;
    dsbi_clear_error();
    DSBI_TRY(DSBI_OP_ARRAYS(what, given));
    DSBI_TRY(dsbi_opts_read(s, sizeof *s, given, "dsb_norm_shape"));
    const dsbi_op_number numbers[] = {
        {"rows", s->rows, false}, {"c", s->c, false}, {"groups", s->groups, false}};
    DSBI_TRY(dsbi_op_numbers(what, numbers, 3));
    if (!(s->eps >= 0 && s->eps <= 1e30))
        return dsbi_fail(DSB_E_INVALID, "%s: eps is %g", what, s->eps);
    return DSB_OK;
}

/* Rows are what the layer calls images, but for group norm. */
static dsb_status open_rows(dsbi_op *op, dsb_runtime *rt, const char *what, const dsb_norm_shape *s)
{
    if (s->n > UINT64_MAX / s->rows)
        return dsbi_fail(DSB_E_LIMIT, "%s: %llu images of %llu rows", what,
                         (unsigned long long)s->n, (unsigned long long)s->rows);
    return dsbi_op_open(op, rt, what, (dsbi_shape){1, 1, s->c}, s->n * s->rows);
}

static dsb_status open_layernorm(dsbi_op *op, dsb_runtime *rt, const char *what,
                                 const dsb_norm_shape *given)
{
    dsb_norm_shape s;
    DSBI_TRY(read_shape(&s, given, what));
    DSBI_TRY(open_rows(op, rt, what, &s));
    op->value = dsbi_layernorm(&op->builder, op->input, "", s.eps);
    return DSB_OK;
}

static dsb_status open_batchnorm(dsbi_op *op, dsb_runtime *rt, const char *what,
                                 const dsb_norm_shape *given)
{
    dsb_norm_shape s;
    DSBI_TRY(read_shape(&s, given, what));
    DSBI_TRY(open_rows(op, rt, what, &s));
    op->value = dsbi_batchnorm(&op->builder, op->input, "", s.eps);
    return DSB_OK;
}

static dsb_status open_groupnorm(dsbi_op *op, dsb_runtime *rt, const char *what,
                                 const dsb_norm_shape *given)
{
    dsb_norm_shape s;
    DSBI_TRY(read_shape(&s, given, what));
    if (s.c % s.groups != 0)
        return dsbi_fail(DSB_E_SHAPE, "%s: %llu channels in %llu groups", what,
                         (unsigned long long)s.c, (unsigned long long)s.groups);
    DSBI_TRY(dsbi_op_open(op, rt, what, (dsbi_shape){s.rows, 1, s.c}, s.n));
    op->value = dsbi_groupnorm(&op->builder, op->input, "", s.groups, s.eps);
    return DSB_OK;
}

static dsb_status forward(dsbi_op *op, float *y, float *saved, const float *x, const float *gain,
                          const float *bias)
{
    op->x = x;
    op->y = y;
    op->saved = saved;
    op->training = saved;
    op->params[GAIN] = gain;
    op->params[BIAS] = bias;
    return dsbi_op_forward(op);
}

static dsb_status backward(dsbi_op *op, float *dx, float *dgain, float *dbias, const float *dy,
                           const float *x, const float *saved, const float *gain)
{
    op->training = true;
    op->x = x;
    op->dy = dy;
    op->dx = dx;
    op->saved = (void *)(uintptr_t)saved; /* backward reads it only */
    op->params[GAIN] = gain;
    op->grads[GAIN] = dgain;
    op->grads[BIAS] = dbias;
    return dsbi_op_backward(op);
}

dsb_status dsb_layernorm_forward(dsb_runtime *rt, float *y, float *saved, const float *x,
                                 const float *gain, const float *bias, const dsb_norm_shape *shape)
{
    dsbi_op op;
    DSBI_TRY(DSBI_OP_ARRAYS("dsb_layernorm_forward", y, x, gain, bias));
    DSBI_TRY(open_layernorm(&op, rt, "dsb_layernorm_forward", shape));
    return forward(&op, y, saved, x, gain, bias);
}

dsb_status dsb_layernorm_backward(dsb_runtime *rt, float *dx, float *dgain, float *dbias,
                                  const float *dy, const float *x, const float *saved,
                                  const float *gain, const dsb_norm_shape *shape)
{
    dsbi_op op;
    DSBI_TRY(DSBI_OP_ARRAYS("dsb_layernorm_backward", dx, dy, x, saved, gain));
    DSBI_TRY(open_layernorm(&op, rt, "dsb_layernorm_backward", shape));
    return backward(&op, dx, dgain, dbias, dy, x, saved, gain);
}

dsb_status dsb_groupnorm_forward(dsb_runtime *rt, float *y, float *saved, const float *x,
                                 const float *gain, const float *bias, const dsb_norm_shape *shape)
{
    dsbi_op op;
    DSBI_TRY(DSBI_OP_ARRAYS("dsb_groupnorm_forward", y, x, gain, bias));
    DSBI_TRY(open_groupnorm(&op, rt, "dsb_groupnorm_forward", shape));
    return forward(&op, y, saved, x, gain, bias);
}

dsb_status dsb_groupnorm_backward(dsb_runtime *rt, float *dx, float *dgain, float *dbias,
                                  const float *dy, const float *x, const float *saved,
                                  const float *gain, const dsb_norm_shape *shape)
{
    dsbi_op op;
    DSBI_TRY(DSBI_OP_ARRAYS("dsb_groupnorm_backward", dx, dy, x, saved, gain));
    DSBI_TRY(open_groupnorm(&op, rt, "dsb_groupnorm_backward", shape));
    return backward(&op, dx, dgain, dbias, dy, x, saved, gain);
}

dsb_status dsb_batchnorm_forward(dsb_runtime *rt, float *y, float *saved, float *running_mean,
                                 float *running_var, const float *x, const float *gain,
                                 const float *bias, const dsb_norm_shape *shape)
{
    dsbi_op op;
    DSBI_TRY(DSBI_OP_ARRAYS("dsb_batchnorm_forward", y, saved, x, gain, bias));
    if (!running_mean != !running_var)
        return dsbi_fail(DSB_E_INVALID, "dsb_batchnorm_forward: one running statistic of two");
    DSBI_TRY(open_batchnorm(&op, rt, "dsb_batchnorm_forward", shape));
    op.buffers[RUNNING_MEAN] = running_mean;
    op.buffers[RUNNING_VAR] = running_var;
    return forward(&op, y, saved, x, gain, bias);
}

dsb_status dsb_batchnorm_backward(dsb_runtime *rt, float *dx, float *dgain, float *dbias,
                                  const float *dy, const float *x, const float *saved,
                                  const float *gain, const dsb_norm_shape *shape)
{
    dsbi_op op;
    DSBI_TRY(DSBI_OP_ARRAYS("dsb_batchnorm_backward", dx, dy, x, saved, gain));
    DSBI_TRY(open_batchnorm(&op, rt, "dsb_batchnorm_backward", shape));
    /* the layer's backward has vectors of its own behind forward's, the caller's array not */
    const size_t c = dsbi_shape_of(&op.builder, op.input).c;
    float *norm = dsbi_alloc(rt, DSBI_NORM_VECTORS * c * sizeof *norm);
    if (!norm) {
        dsbi_graph_free(op.builder.graph);
        return DSB_E_NOMEM;
    }
    memcpy(norm, saved, DSBI_NORM_OF_FORWARD * c * sizeof *norm);
    const dsb_status status = backward(&op, dx, dgain, dbias, dy, x, norm, gain);
    dsbi_free(rt, norm);
    return status;
}

dsb_status dsb_batchnorm_infer(dsb_runtime *rt, float *y, const float *x, const float *gain,
                               const float *bias, const float *running_mean,
                               const float *running_var, const dsb_norm_shape *shape)
{
    dsbi_op op;
    DSBI_TRY(DSBI_OP_ARRAYS("dsb_batchnorm_infer", y, x, gain, bias, running_mean, running_var));
    DSBI_TRY(open_batchnorm(&op, rt, "dsb_batchnorm_infer", shape));
    op.params[RUNNING_MEAN] = running_mean;
    op.params[RUNNING_VAR] = running_var;
    return forward(&op, y, NULL, x, gain, bias);
}
