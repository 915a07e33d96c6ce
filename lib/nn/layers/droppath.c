/* y[n] = s[n] x[n] with s[n] in {0, 1 / (1 - rate)} for each image in training; s = 1 otherwise.
 * See drop.h. Backward draws the same numbers again. */
#include "nn/blocks.h"
#include "nn/drop.h"

static void declare(dsbi_builder *b, dsbi_node *node)
{
    if (!(node->attrs.rate >= 0 && node->attrs.rate < 1))
        dsbi_builder_fail(b, DSB_E_INVALID, "drop path of %g, must lie in [0, 1)",
                          node->attrs.rate);
}

static void needs(const dsbi_node *node, const dsbi_sizing *sizing, dsbi_needs *needs)
{
    (void)node;
    (void)sizing;
    needs->in_place = 1;
    needs->dx_over_dy = true;
}

typedef struct scale_job {
    void *to;
    const void *from;
} scale_job;

static dsb_status scale_images(const dsbi_call *call, const void *job, size_t first, size_t count,
                               size_t worker)
{
    (void)worker;
    const scale_job *scale = job;
    const size_t size = dsbi_shape_size(call->node->in);
    for (size_t image = first; image < first + count; image++) {
        const double factor = dsbi_drop_factor(call, call->node->id, call->node->attrs.rate, image);
        call->math->scale(dsbi_kernels_of(call->rt), dsbi_at(call, scale->to, image * size), factor,
                          dsbi_at(call, scale->from, image * size), size);
    }
    return DSB_OK;
}

static dsb_status scale_all(const dsbi_call *call, void *to, const void *from)
{
    const scale_job job = {to, from};
    return dsbi_images(call, &job, scale_images);
}

static dsb_status forward(const dsbi_call *call)
{
    return scale_all(call, call->y, call->x[0]);
}

static dsb_status backward(const dsbi_call *call)
{
    return scale_all(call, call->dx[0], call->dy);
}

static dsbi_value check(dsbi_builder *b, dsbi_value x)
{
    return dsbi_droppath(b, x, 0.5);
}

const dsbi_layer dsbi_layer_droppath = {.name = "droppath",
                                        .role = DSBI_ROLE_DROP,
                                        .declare = declare,
                                        .needs = needs,
                                        .forward = forward,
                                        .backward = backward,
                                        .check_image = {2, 2, 3},
                                        .check = check};

dsbi_value dsbi_droppath(dsbi_builder *b, dsbi_value x, double rate)
{
    if (rate == 0)
        return x;
    return dsbi_node_add(b, &dsbi_layer_droppath, "", &x, 1, &(dsbi_attrs){.rate = rate});
}
