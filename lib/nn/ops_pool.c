/* dsb_maxpool2d_*, dsb_avgpool2d_*, dsb_global_avgpool_*: the pooling layers. */
#include "base/opts.h"
#include "nn/op.h"

_Static_assert(offsetof(dsb_pool2d_shape, pad) + sizeof(uint64_t) == sizeof(dsb_pool2d_shape),
               "no hole at the end of dsb_pool2d_shape");

static const dsb_pool2d_shape defaults = {.struct_size = sizeof defaults, .stride = 1};

void dsb_pool2d_shape_init(dsb_pool2d_shape *shape, size_t size)
{
    dsbi_opts_fill(shape, size, &defaults, sizeof defaults);
}

static dsb_status read_shape(dsb_pool2d_shape *s, const dsb_pool2d_shape *given, const char *what)
{
    *s = defaults;
    dsbi_clear_error();
    DSBI_TRY(DSBI_OP_ARRAYS(what, given));
    DSBI_TRY(dsbi_opts_read(s, sizeof *s, given, "dsb_pool2d_shape"));
    const dsbi_op_number numbers[] = {
        {"h", s->h, false},           {"w", s->w, false},           {"c", s->c, false},
        {"kernel", s->kernel, false}, {"stride", s->stride, false}, {"pad", s->pad, true},
    };
    DSBI_TRY(dsbi_op_numbers(what, numbers, sizeof numbers / sizeof numbers[0]));
    if (2 * s->pad > s->kernel || s->h + 2 * s->pad < s->kernel || s->w + 2 * s->pad < s->kernel)
        return dsbi_fail(
            DSB_E_SHAPE, "%s: windows of %llu x %llu on %llu x %llu pixels, padded by %llu", what,
            (unsigned long long)s->kernel, (unsigned long long)s->kernel, (unsigned long long)s->h,
            (unsigned long long)s->w, (unsigned long long)s->pad);
    return DSB_OK;
}

dsb_status dsb_pool2d_output(const dsb_pool2d_shape *shape, uint64_t *h, uint64_t *w)
{
    dsb_pool2d_shape s;
    DSBI_TRY(read_shape(&s, shape, "dsb_pool2d_output"));
    DSBI_TRY(DSBI_OP_ARRAYS("dsb_pool2d_output", h, w));
    *h = (s.h + 2 * s.pad - s.kernel) / s.stride + 1;
    *w = (s.w + 2 * s.pad - s.kernel) / s.stride + 1;
    return DSB_OK;
}

typedef dsbi_value pool_fn(dsbi_builder *b, dsbi_value x, size_t kernel, size_t stride, size_t pad);

static dsb_status open_pool(dsbi_op *op, dsb_runtime *rt, const char *what,
                            const dsb_pool2d_shape *given, pool_fn *pool)
{
    dsb_pool2d_shape s;
    DSBI_TRY(read_shape(&s, given, what));
    DSBI_TRY(dsbi_op_open(op, rt, what, (dsbi_shape){s.h, s.w, s.c}, s.n));
    op->value = pool(&op->builder, op->input, s.kernel, s.stride, s.pad);
    return DSB_OK;
}

dsb_status dsb_maxpool2d_forward(dsb_runtime *rt, float *y, uint8_t *saved, const float *x,
                                 const dsb_pool2d_shape *shape)
{
    dsbi_op op;
    DSBI_TRY(DSBI_OP_ARRAYS("dsb_maxpool2d_forward", y, x));
    DSBI_TRY(open_pool(&op, rt, "dsb_maxpool2d_forward", shape, dsbi_maxpool));
    op.x = x;
    op.y = y;
    op.saved = saved;
    op.training = saved;
    return dsbi_op_forward(&op);
}

dsb_status dsb_maxpool2d_backward(dsb_runtime *rt, float *dx, const float *dy, const uint8_t *saved,
                                  const dsb_pool2d_shape *shape)
{
    dsbi_op op;
    DSBI_TRY(DSBI_OP_ARRAYS("dsb_maxpool2d_backward", dx, dy, saved));
    DSBI_TRY(open_pool(&op, rt, "dsb_maxpool2d_backward", shape, dsbi_maxpool));
    op.dy = dy;
    op.dx = dx;
    op.saved = (void *)(uintptr_t)saved; /* backward reads it only */
    op.training = true;
    return dsbi_op_backward(&op);
}

dsb_status dsb_avgpool2d_forward(dsb_runtime *rt, float *y, const float *x,
                                 const dsb_pool2d_shape *shape)
{
    dsbi_op op;
    DSBI_TRY(DSBI_OP_ARRAYS("dsb_avgpool2d_forward", y, x));
    DSBI_TRY(open_pool(&op, rt, "dsb_avgpool2d_forward", shape, dsbi_avgpool));
    op.x = x;
    op.y = y;
    return dsbi_op_forward(&op);
}

dsb_status dsb_avgpool2d_backward(dsb_runtime *rt, float *dx, const float *dy,
                                  const dsb_pool2d_shape *shape)
{
    dsbi_op op;
    DSBI_TRY(DSBI_OP_ARRAYS("dsb_avgpool2d_backward", dx, dy));
    DSBI_TRY(open_pool(&op, rt, "dsb_avgpool2d_backward", shape, dsbi_avgpool));
    op.dy = dy;
    op.dx = dx;
    op.training = true;
    return dsbi_op_backward(&op);
}

static dsb_status open_global(dsbi_op *op, dsb_runtime *rt, const char *what, uint64_t n,
                              uint64_t rows, uint64_t c)
{
    DSBI_TRY(dsbi_op_open(op, rt, what, (dsbi_shape){rows, 1, c}, n));
    op->value = dsbi_global_avgpool(&op->builder, op->input);
    return DSB_OK;
}

dsb_status dsb_global_avgpool_forward(dsb_runtime *rt, float *y, const float *x, uint64_t n,
                                      uint64_t rows, uint64_t c)
{
    dsbi_op op;
    DSBI_TRY(DSBI_OP_ARRAYS("dsb_global_avgpool_forward", y, x));
    DSBI_TRY(open_global(&op, rt, "dsb_global_avgpool_forward", n, rows, c));
    op.x = x;
    op.y = y;
    return dsbi_op_forward(&op);
}

dsb_status dsb_global_avgpool_backward(dsb_runtime *rt, float *dx, const float *dy, uint64_t n,
                                       uint64_t rows, uint64_t c)
{
    dsbi_op op;
    DSBI_TRY(DSBI_OP_ARRAYS("dsb_global_avgpool_backward", dx, dy));
    DSBI_TRY(open_global(&op, rt, "dsb_global_avgpool_backward", n, rows, c));
    op.dy = dy;
    op.dx = dx;
    op.training = true;
    return dsbi_op_backward(&op);
}
