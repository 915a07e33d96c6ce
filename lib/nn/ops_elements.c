/* dsb_relu_*, dsb_gelu_*, dsb_dropout, dsb_droppath, dsb_attention_*: the layers of these names;
 * and dsb_softmax_xent, the kernel of the trainer's loss. */
#include "base/opts.h"
#include "base/pool.h"
#include "nn/blocks.h"
#include "nn/op.h"

dsb_status dsb_relu_forward(dsb_runtime *rt, float *y, const float *x, uint64_t n)
{
    dsbi_op op;
    DSBI_TRY(DSBI_OP_ARRAYS("dsb_relu_forward", y, x));
    DSBI_TRY(dsbi_op_open(&op, rt, "dsb_relu_forward", (dsbi_shape){1, 1, 1}, n));
    op.value = dsbi_relu(&op.builder, op.input);
    op.x = x;
    op.y = y;
    return dsbi_op_forward(&op);
}

dsb_status dsb_relu_backward(dsb_runtime *rt, float *dx, const float *dy, const float *y,
                             uint64_t n)
{
    dsbi_op op;
    DSBI_TRY(DSBI_OP_ARRAYS("dsb_relu_backward", dx, dy, y));
    DSBI_TRY(dsbi_op_open(&op, rt, "dsb_relu_backward", (dsbi_shape){1, 1, 1}, n));
    op.value = dsbi_relu(&op.builder, op.input);
    op.y = (void *)(uintptr_t)y; /* backward reads it only */
    op.dy = dy;
    op.dx = dx;
    op.training = true;
    return dsbi_op_backward(&op);
}

dsb_status dsb_gelu_forward(dsb_runtime *rt, float *y, const float *x, uint64_t n)
{
    dsbi_op op;
    DSBI_TRY(DSBI_OP_ARRAYS("dsb_gelu_forward", y, x));
    DSBI_TRY(dsbi_op_open(&op, rt, "dsb_gelu_forward", (dsbi_shape){1, 1, 1}, n));
    op.value = dsbi_gelu(&op.builder, op.input);
    op.x = x;
    op.y = y;
    return dsbi_op_forward(&op);
}

dsb_status dsb_gelu_backward(dsb_runtime *rt, float *dx, const float *dy, const float *x,
                             uint64_t n)
{
    dsbi_op op;
    DSBI_TRY(DSBI_OP_ARRAYS("dsb_gelu_backward", dx, dy, x));
    DSBI_TRY(dsbi_op_open(&op, rt, "dsb_gelu_backward", (dsbi_shape){1, 1, 1}, n));
    op.value = dsbi_gelu(&op.builder, op.input);
    op.x = x;
    op.dy = dy;
    op.dx = dx;
    op.training = true;
    return dsbi_op_backward(&op);
}

extern const dsbi_layer dsbi_layer_dropout, dsbi_layer_droppath;

/* Forward in training. The layers themselves: their builder functions leave a rate of 0 out. */
static dsb_status drop(dsb_runtime *rt, const char *what, float *y, const float *x,
                       dsbi_shape image, uint64_t n, const dsbi_layer *layer, double rate,
                       uint64_t seed, uint64_t draw)
{
    dsbi_op op;
    DSBI_TRY(DSBI_OP_ARRAYS(what, y, x));
    DSBI_TRY(dsbi_op_open(&op, rt, what, image, n));
    op.value = dsbi_node_add(&op.builder, layer, "", &op.input, 1, &(dsbi_attrs){.rate = rate});
    op.x = x;
    op.y = y;
    op.training = true;
    op.seed = seed;
    op.draw = draw;
    return dsbi_op_forward(&op);
}

dsb_status dsb_dropout(dsb_runtime *rt, float *y, const float *x, uint64_t n, double rate,
                       uint64_t seed, uint64_t draw)
{
    return drop(rt, "dsb_dropout", y, x, (dsbi_shape){1, 1, 1}, n, &dsbi_layer_dropout, rate, seed,
                draw);
}

dsb_status dsb_droppath(dsb_runtime *rt, float *y, const float *x, uint64_t n, uint64_t rows,
                        uint64_t c, double rate, uint64_t seed, uint64_t draw)
{
    return drop(rt, "dsb_droppath", y, x, (dsbi_shape){rows, 1, c}, n, &dsbi_layer_droppath, rate,
                seed, draw);
}

_Static_assert(offsetof(dsb_attention_shape, dim) + sizeof(uint64_t) == sizeof(dsb_attention_shape),
               "no hole at the end of dsb_attention_shape");

static const dsb_attention_shape defaults = {.struct_size = sizeof defaults};

void dsb_attention_shape_init(dsb_attention_shape *shape, size_t size)
{
    dsbi_opts_fill(shape, size, &defaults, sizeof defaults);
}

static dsb_status open_attention(dsbi_op *op, dsb_runtime *rt, const char *what,
                                 const dsb_attention_shape *given)
{
    dsb_attention_shape s = defaults;
    dsbi_clear_error();
    DSBI_TRY(DSBI_OP_ARRAYS(what, given));
    DSBI_TRY(dsbi_opts_read(&s, sizeof s, given, "dsb_attention_shape"));
    const dsbi_op_number numbers[] = {
        {"tokens", s.tokens, false}, {"heads", s.heads, false}, {"dim", s.dim, false}};
    DSBI_TRY(dsbi_op_numbers(what, numbers, 3));
    DSBI_TRY(dsbi_op_open(op, rt, what, (dsbi_shape){s.tokens, 1, 3 * s.dim}, s.n));
    op->value = dsbi_attention(&op->builder, op->input, s.heads);
    return DSB_OK;
}

dsb_status dsb_attention_forward(dsb_runtime *rt, float *y, float *saved, const float *qkv,
                                 const dsb_attention_shape *shape)
{
    dsbi_op op;
    DSBI_TRY(DSBI_OP_ARRAYS("dsb_attention_forward", y, qkv));
    DSBI_TRY(open_attention(&op, rt, "dsb_attention_forward", shape));
    op.x = qkv;
    op.y = y;
    op.saved = saved;
    op.training = saved;
    return dsbi_op_forward(&op);
}

dsb_status dsb_attention_backward(dsb_runtime *rt, float *dqkv, const float *dy, const float *qkv,
                                  const float *saved, const dsb_attention_shape *shape)
{
    dsbi_op op;
    DSBI_TRY(DSBI_OP_ARRAYS("dsb_attention_backward", dqkv, dy, qkv, saved));
    DSBI_TRY(open_attention(&op, rt, "dsb_attention_backward", shape));
    op.x = qkv;
    op.dy = dy;
    op.dx = dqkv;
    op.saved = (void *)(uintptr_t)saved; /* backward reads it only */
    op.training = true;
    return dsbi_op_backward(&op);
}

typedef struct xent_job {
    const dsbi_kernels *kernels;
    float *loss, *dlogits;
    const float *logits, *targets;
    size_t rows, classes, step;
} xent_job;

static dsb_status xent_task(void *user, size_t task, size_t worker)
{
    (void)worker;
    const xent_job *job = user;
    const size_t first = task * job->step, left = job->rows - first, at = first * job->classes;
    job->kernels->softmax_xent_f32(job->loss + first, job->dlogits ? job->dlogits + at : NULL,
                                   job->logits + at, job->targets + at,
                                   left < job->step ? left : job->step, job->classes);
    return DSB_OK;
}

dsb_status dsb_softmax_xent(dsb_runtime *rt, float *loss, float *dlogits, const float *logits,
                            const float *targets, uint64_t rows, uint64_t classes)
{
    const char *const what = "dsb_softmax_xent";
    const dsbi_op_number numbers[] = {{"classes", classes, false}};
    dsbi_clear_error();
    DSBI_TRY(DSBI_OP_ARRAYS(what, rt, loss, logits, targets));
    DSBI_TRY(dsbi_op_numbers(what, numbers, 1));
    if (rows == 0)
        return dsbi_fail(DSB_E_INVALID, "%s: nothing to work on", what);
    if (rows > ((uint64_t)1 << 40) / classes)
        return dsbi_fail(DSB_E_LIMIT, "%s: %llu rows of %llu classes", what,
                         (unsigned long long)rows, (unsigned long long)classes);
    xent_job job = {dsbi_kernels_of(rt),           loss, dlogits, logits, targets, rows, classes,
                    dsbi_range_step(rows, classes)};
    return dsbi_parallel(rt, dsbi_pieces(rows, job.step), xent_task, &job);
}
