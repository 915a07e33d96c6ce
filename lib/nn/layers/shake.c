/* y[n] = alpha[n] x0[n] + (1 - alpha[n]) x1[n] for each image. Gastaldi 2017, "Shake-Shake
 * regularization": in training alpha is uniform in [0, 1); backward mixes with numbers beta of its
 * own (Shake-Shake), or with alpha again (Shake-Keep, attribute keep, whose gradient is the
 * derivative); otherwise, and with attribute even, both are 1/2. */
#include "base/rng.h"
#include "nn/blocks.h"

static void declare(dsbi_builder *b, dsbi_node *node)
{
    dsbi_need_alike(b, node, "mix");
}

static void needs(const dsbi_node *node, const dsbi_sizing *sizing, dsbi_needs *needs)
{
    (void)node;
    (void)sizing;
    needs->in_place = 1;
    needs->adds_dx = true;
}

/* Weight of the first branch. */
static double weight_of(const dsbi_call *call, size_t image, bool backward)
{
    if (!dsbi_is_random(call) || call->node->attrs.even)
        return 0.5;
    dsbi_rng rng;
    dsbi_rng_init(&rng, call->seed, DSBI_RNG_DROP,
                  call->step * call->graph->n_nodes + call->node->id);
    rng.counter[0] = (uint32_t)image;
    const double alpha = dsbi_rng_uniform(&rng), beta = dsbi_rng_uniform(&rng);
    return backward && !call->node->attrs.keep ? beta : alpha;
}

static dsb_status forward_images(const dsbi_call *call, const void *job, size_t first, size_t count,
                                 size_t worker)
{
    (void)job;
    (void)worker;
    const dsbi_kernels *kernels = dsbi_kernels_of(call->rt);
    const size_t size = dsbi_shape_size(call->node->in);
    for (size_t image = first; image < first + count; image++) {
        const double alpha = weight_of(call, image, false);
        void *y = dsbi_at(call, call->y, image * size);
        call->math->scale(kernels, y, alpha, dsbi_at(call, call->x[0], image * size), size);
        call->math->axpy(kernels, y, 1 - alpha, dsbi_at(call, call->x[1], image * size), size);
    }
    return DSB_OK;
}

static dsb_status forward(const dsbi_call *call)
{
    return dsbi_images(call, NULL, forward_images);
}

static dsb_status backward_images(const dsbi_call *call, const void *job, size_t first,
                                  size_t count, size_t worker)
{
    (void)job;
    (void)worker;
    const dsbi_kernels *kernels = dsbi_kernels_of(call->rt);
    const size_t size = dsbi_shape_size(call->node->in);
    for (size_t image = first; image < first + count; image++) {
        const double beta = weight_of(call, image, true);
        const void *dy = dsbi_at(call, call->dy, image * size);
        for (int k = 0; k < 2; k++) {
            const double share = k ? 1 - beta : beta;
            if (!call->dx[k])
                continue;
            void *dx = dsbi_at(call, call->dx[k], image * size);
            if (call->add[k])
                call->math->axpy(kernels, dx, share, dy, size);
            else
                call->math->scale(kernels, dx, share, dy, size);
        }
    }
    return DSB_OK;
}

static dsb_status backward(const dsbi_call *call)
{
    return dsbi_images(call, NULL, backward_images);
}

static dsbi_value check(dsbi_builder *b, dsbi_value x)
{
    const dsbi_value xs[] = {dsbi_linear(b, x, "left", 3), dsbi_linear(b, x, "right", 3)};
    return dsbi_shake_keep(b, xs[0], xs[1]);
}

const dsbi_layer dsbi_layer_shake = {.name = "shake",
                                     .declare = declare,
                                     .needs = needs,
                                     .forward = forward,
                                     .backward = backward,
                                     .check_image = {2, 2, 3},
                                     .check = check};

dsbi_value dsbi_shake(dsbi_builder *b, dsbi_value x, dsbi_value y)
{
    return dsbi_node_add(b, &dsbi_layer_shake, "", (dsbi_value[]){x, y}, 2, NULL);
}

dsbi_value dsbi_shake_keep(dsbi_builder *b, dsbi_value x, dsbi_value y)
{
    const dsbi_attrs attrs = {.keep = true};
    return dsbi_node_add(b, &dsbi_layer_shake, "", (dsbi_value[]){x, y}, 2, &attrs);
}

dsbi_value dsbi_shake_even(dsbi_builder *b, dsbi_value x, dsbi_value y)
{
    const dsbi_attrs attrs = {.even = true};
    return dsbi_node_add(b, &dsbi_layer_shake, "", (dsbi_value[]){x, y}, 2, &attrs);
}
