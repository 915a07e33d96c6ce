/* dsb_conv2d_*, dsb_depthwise2d_*, dsb_linear_*: the layers conv, depthwise and linear. */
#include "base/opts.h"
#include "nn/op.h"

_Static_assert(offsetof(dsb_conv2d_shape, groups) + sizeof(uint64_t) == sizeof(dsb_conv2d_shape),
               "no hole at the end of dsb_conv2d_shape");

static const dsb_conv2d_shape defaults = {
    .struct_size = sizeof defaults, .stride = 1, .dilation = 1, .groups = 1};

void dsb_conv2d_shape_init(dsb_conv2d_shape *shape, size_t size)
{
    dsbi_opts_fill(shape, size, &defaults, sizeof defaults);
}

static dsb_status read_shape(dsb_conv2d_shape *s, const dsb_conv2d_shape *given, const char *what,
                             bool depthwise)
{
    *s = defaults;
    dsbi_clear_error();
    DSBI_TRY(DSBI_OP_ARRAYS(what, given));
    DSBI_TRY(dsbi_opts_read(s, sizeof *s, given, "dsb_conv2d_shape"));
    if (depthwise && s->c_out == 0 && s->groups <= 1)
        s->c_out = s->groups = s->c_in;
    const dsbi_op_number numbers[] = {
        {"h", s->h, false},           {"w", s->w, false},
        {"c_in", s->c_in, false},     {"c_out", s->c_out, false},
        {"kernel", s->kernel, false}, {"stride", s->stride, false},
        {"pad", s->pad, true},        {"dilation", s->dilation, false},
        {"groups", s->groups, false},
    };
    DSBI_TRY(dsbi_op_numbers(what, numbers, sizeof numbers / sizeof numbers[0]));
    if (depthwise &&
        (s->c_out != s->c_in || s->groups != s->c_in || s->stride != 1 || s->dilation != 1))
        return dsbi_fail(DSB_E_SHAPE, "%s: c_out and groups must be c_in, stride and dilation 1",
                         what);
    const uint64_t reach = s->dilation * (s->kernel - 1) + 1;
    if (s->h + 2 * s->pad < reach || s->w + 2 * s->pad < reach)
        return dsbi_fail(DSB_E_SHAPE,
                         "%s: a kernel over %llu pixels on %llu x %llu, padded by %llu", what,
                         (unsigned long long)reach, (unsigned long long)s->h,
                         (unsigned long long)s->w, (unsigned long long)s->pad);
    if (s->c_in % s->groups != 0 || s->c_out % s->groups != 0)
        return dsbi_fail(DSB_E_SHAPE, "%s: %llu and %llu channels in %llu groups", what,
                         (unsigned long long)s->c_in, (unsigned long long)s->c_out,
                         (unsigned long long)s->groups);
    return DSB_OK;
}

dsb_status dsb_conv2d_output(const dsb_conv2d_shape *shape, uint64_t *h, uint64_t *w)
{
    const char *const what = "dsb_conv2d_output";
    dsb_conv2d_shape s;
    DSBI_TRY(read_shape(&s, shape, what, false));
    DSBI_TRY(DSBI_OP_ARRAYS(what, h, w));
    const uint64_t reach = s.dilation * (s.kernel - 1) + 1;
    *h = (s.h + 2 * s.pad - reach) / s.stride + 1;
    *w = (s.w + 2 * s.pad - reach) / s.stride + 1;
    return DSB_OK;
}

static dsb_status open_conv(dsbi_op *op, dsb_runtime *rt, const char *what,
                            const dsb_conv2d_shape *given, bool has_bias)
{
    dsb_conv2d_shape s;
    DSBI_TRY(read_shape(&s, given, what, false));
    DSBI_TRY(dsbi_op_open(op, rt, what, (dsbi_shape){s.h, s.w, s.c_in}, s.n));
    const dsbi_attrs attrs = {.c_out = s.c_out,
                              .kernel = s.kernel,
                              .stride = s.stride,
                              .pad = s.pad,
                              .dilation = s.dilation,
                              .groups = s.groups,
                              .no_bias = !has_bias};
    op->value = dsbi_conv(&op->builder, op->input, "", &attrs);
    return DSB_OK;
}

static dsb_status open_depthwise(dsbi_op *op, dsb_runtime *rt, const char *what,
                                 const dsb_conv2d_shape *given, bool has_bias)
{
    (void)has_bias; /* the layer takes NULL for none */
    dsb_conv2d_shape s;
    DSBI_TRY(read_shape(&s, given, what, true));
    DSBI_TRY(dsbi_op_open(op, rt, what, (dsbi_shape){s.h, s.w, s.c_in}, s.n));
    op->value = dsbi_depthwise(&op->builder, op->input, "", s.kernel, s.pad);
    return DSB_OK;
}

typedef struct linear_shape {
    uint64_t rows, c_in, c_out;
} linear_shape;

static dsb_status open_linear(dsbi_op *op, dsb_runtime *rt, const char *what, const linear_shape *s,
                              bool has_bias)
{
    const dsbi_op_number numbers[] = {{"c_in", s->c_in, false}, {"c_out", s->c_out, false}};
    DSBI_TRY(dsbi_op_numbers(what, numbers, 2));
    DSBI_TRY(dsbi_op_open(op, rt, what, (dsbi_shape){1, 1, s->c_in}, s->rows));
    const dsbi_attrs attrs = {.c_out = s->c_out, .no_bias = !has_bias};
    op->value = dsbi_linear_with(&op->builder, op->input, "", &attrs);
    return DSB_OK;
}

/* The three calls are the same for the three layers. */

static dsb_status forward(dsbi_op *op, float *y, const float *x, const float *weights,
                          const float *bias)
{
    op->x = x;
    op->y = y;
    op->params[0] = weights;
    op->params[1] = bias;
    return dsbi_op_forward(op);
}

static dsb_status backward_data(dsbi_op *op, float *dx, const float *dy, const float *weights)
{
    op->dx = dx;
    op->dy = dy;
    op->params[0] = weights;
    return dsbi_op_backward(op);
}

static dsb_status backward_weights(dsbi_op *op, float *dweights, float *dbias, const float *x,
                                   const float *dy)
{
    op->x = x;
    op->dy = dy;
    op->grads[0] = dweights;
    op->grads[1] = dbias;
    return dsbi_op_backward(op);
}

dsb_status dsb_conv2d_forward(dsb_runtime *rt, float *y, const float *x, const float *weights,
                              const float *bias, const dsb_conv2d_shape *shape)
{
    dsbi_op op;
    DSBI_TRY(DSBI_OP_ARRAYS("dsb_conv2d_forward", y, x, weights));
    DSBI_TRY(open_conv(&op, rt, "dsb_conv2d_forward", shape, bias));
    return forward(&op, y, x, weights, bias);
}

dsb_status dsb_conv2d_backward_data(dsb_runtime *rt, float *dx, const float *dy,
                                    const float *weights, const dsb_conv2d_shape *shape)
{
    dsbi_op op;
    DSBI_TRY(DSBI_OP_ARRAYS("dsb_conv2d_backward_data", dx, dy, weights));
    DSBI_TRY(open_conv(&op, rt, "dsb_conv2d_backward_data", shape, false));
    return backward_data(&op, dx, dy, weights);
}

dsb_status dsb_conv2d_backward_weights(dsb_runtime *rt, float *dweights, float *dbias,
                                       const float *x, const float *dy,
                                       const dsb_conv2d_shape *shape)
{
    dsbi_op op;
    DSBI_TRY(DSBI_OP_ARRAYS("dsb_conv2d_backward_weights", dweights, x, dy));
    DSBI_TRY(open_conv(&op, rt, "dsb_conv2d_backward_weights", shape, dbias));
    return backward_weights(&op, dweights, dbias, x, dy);
}

dsb_status dsb_depthwise2d_forward(dsb_runtime *rt, float *y, const float *x, const float *weights,
                                   const float *bias, const dsb_conv2d_shape *shape)
{
    dsbi_op op;
    DSBI_TRY(DSBI_OP_ARRAYS("dsb_depthwise2d_forward", y, x, weights));
    DSBI_TRY(open_depthwise(&op, rt, "dsb_depthwise2d_forward", shape, bias));
    return forward(&op, y, x, weights, bias);
}

dsb_status dsb_depthwise2d_backward_data(dsb_runtime *rt, float *dx, const float *dy,
                                         const float *weights, const dsb_conv2d_shape *shape)
{
    dsbi_op op;
    DSBI_TRY(DSBI_OP_ARRAYS("dsb_depthwise2d_backward_data", dx, dy, weights));
    DSBI_TRY(open_depthwise(&op, rt, "dsb_depthwise2d_backward_data", shape, false));
    return backward_data(&op, dx, dy, weights);
}

dsb_status dsb_depthwise2d_backward_weights(dsb_runtime *rt, float *dweights, float *dbias,
                                            const float *x, const float *dy,
                                            const dsb_conv2d_shape *shape)
{
    dsbi_op op;
    DSBI_TRY(DSBI_OP_ARRAYS("dsb_depthwise2d_backward_weights", dweights, x, dy));
    DSBI_TRY(open_depthwise(&op, rt, "dsb_depthwise2d_backward_weights", shape, dbias));
    return backward_weights(&op, dweights, dbias, x, dy);
}

dsb_status dsb_linear_forward(dsb_runtime *rt, float *y, const float *x, const float *weights,
                              const float *bias, uint64_t rows, uint64_t c_in, uint64_t c_out)
{
    dsbi_op op;
    DSBI_TRY(DSBI_OP_ARRAYS("dsb_linear_forward", y, x, weights));
    DSBI_TRY(open_linear(&op, rt, "dsb_linear_forward", &(linear_shape){rows, c_in, c_out}, bias));
    return forward(&op, y, x, weights, bias);
}

dsb_status dsb_linear_backward_data(dsb_runtime *rt, float *dx, const float *dy,
                                    const float *weights, uint64_t rows, uint64_t c_in,
                                    uint64_t c_out)
{
    dsbi_op op;
    DSBI_TRY(DSBI_OP_ARRAYS("dsb_linear_backward_data", dx, dy, weights));
    DSBI_TRY(open_linear(&op, rt, "dsb_linear_backward_data", &(linear_shape){rows, c_in, c_out},
                         false));
    return backward_data(&op, dx, dy, weights);
}

dsb_status dsb_linear_backward_weights(dsb_runtime *rt, float *dweights, float *dbias,
                                       const float *x, const float *dy, uint64_t rows,
                                       uint64_t c_in, uint64_t c_out)
{
    dsbi_op op;
    DSBI_TRY(DSBI_OP_ARRAYS("dsb_linear_backward_weights", dweights, x, dy));
    DSBI_TRY(open_linear(&op, rt, "dsb_linear_backward_weights", &(linear_shape){rows, c_in, c_out},
                         dbias));
    return backward_weights(&op, dweights, dbias, x, dy);
}
