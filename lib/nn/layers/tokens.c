/* Pixels of the patch embedding become tokens [T, 1, D]:
 *     y[n,0] = class + position[0],  y[n,1 + i] = x[n,i] + position[1 + i]
 * or, without a class token, y[n,i] = x[n,i] + position[i]. Dosovitskiy et al. 2021, eq. 1. Names
 * are timm's, cls_token [1, 1, D] and pos_embed [1, T, D]; no weight decay on either. The embedding
 * of another grid in a file is interpolated (positions.h). */
#include <string.h>
#include "nn/blocks.h"

enum { POSITION = 0, CLASS = 1 };

static void declare(dsbi_builder *b, dsbi_node *node)
{
    const size_t extra = node->attrs.first, rows = dsbi_shape_rows(node->in), c = node->in.c;
    node->out = (dsbi_shape){rows + extra, 1, c};
    dsbi_param_add(b, node, "pos_embed", 3, (const size_t[]){1, rows + extra, c}, NULL,
                   (dsbi_init){DSBI_INIT_TRUNC_NORMAL, 0.02});
    if (extra)
        dsbi_param_add(b, node, "cls_token", 3, (const size_t[]){1, 1, c}, NULL,
                       (dsbi_init){DSBI_INIT_TRUNC_NORMAL, 1e-6});
    if (b->status != DSB_OK)
        return;
    dsbi_param *params = b->graph->params;
    for (size_t p = 0; p < node->n_params; p++)
        params[node->params[p]].decay = false;
    params[node->params[POSITION]].grid_h = node->in.h;
    params[node->params[POSITION]].grid_w = node->in.w;
}

static void needs(const dsbi_node *node, const dsbi_sizing *sizing, dsbi_needs *needs)
{
    (void)sizing;
    needs->adds_dx = true;
    needs->in_place = needs->passes = node->attrs.first ? 0 : 1;
}

static dsb_status forward_images(const dsbi_call *call, const void *job, size_t first, size_t count,
                                 size_t worker)
{
    (void)job;
    (void)worker;
    const dsbi_kernels *kernels = dsbi_kernels_of(call->rt);
    const size_t size = dsbi_shape_size(call->node->in), out = dsbi_shape_size(call->node->out);
    const size_t ahead = out - size;
    const void *position = call->params[POSITION];
    for (size_t image = first; image < first + count; image++) {
        void *y = dsbi_at(call, call->y, image * out);
        if (ahead)
            call->math->add(kernels, y, call->params[CLASS], position, ahead);
        call->math->add(kernels, dsbi_at(call, y, ahead), dsbi_at(call, call->x[0], image * size),
                        dsbi_at(call, position, ahead), size);
    }
    return DSB_OK;
}

static dsb_status forward(const dsbi_call *call)
{
    const size_t step = dsbi_range_step(call->batch, dsbi_shape_size(call->node->out));
    return dsbi_ranges(call, NULL, call->batch, step, forward_images);
}

/* Elements first .. first + count of the position embedding: sums over the images, in order. */
static dsb_status sum_images(const dsbi_call *call, const void *job, size_t first, size_t count,
                             size_t worker)
{
    (void)job;
    (void)worker;
    const dsbi_kernels *kernels = dsbi_kernels_of(call->rt);
    const size_t out = dsbi_shape_size(call->node->out);
    const size_t ahead = out - dsbi_shape_size(call->node->in);
    const size_t of_class = first >= ahead ? 0 : ahead - first < count ? ahead - first : count;
    for (size_t image = 0; image < call->batch; image++) {
        const void *dy = dsbi_at(call, call->dy, image * out + first);
        void *to = dsbi_at(call, call->grads[POSITION], first);
        call->math->add(kernels, to, to, dy, count);
        if (of_class) {
            to = dsbi_at(call, call->grads[CLASS], first);
            call->math->add(kernels, to, to, dy, of_class);
        }
    }
    return DSB_OK;
}

static dsb_status pass_images(const dsbi_call *call, const void *job, size_t first, size_t count,
                              size_t worker)
{
    (void)job;
    (void)worker;
    const size_t size = dsbi_shape_size(call->node->in), out = dsbi_shape_size(call->node->out);
    for (size_t image = first; image < first + count; image++) {
        void *dx = dsbi_at(call, call->dx[0], image * size);
        const void *dy = dsbi_at(call, call->dy, image * out + out - size);
        if (call->add[0])
            call->math->add(dsbi_kernels_of(call->rt), dx, dx, dy, size);
        else
            memcpy(dx, dy, size * call->math->item);
    }
    return DSB_OK;
}

static dsb_status backward(const dsbi_call *call)
{
    const size_t out = dsbi_shape_size(call->node->out);
    DSBI_TRY(dsbi_ranges(call, NULL, out, dsbi_range_step(out, call->batch), sum_images));
    if (!call->dx[0] || call->dx[0] == call->dy)
        return DSB_OK;
    return dsbi_ranges(call, NULL, call->batch, dsbi_range_step(call->batch, out), pass_images);
}

static dsbi_value check(dsbi_builder *b, dsbi_value x)
{
    dsbi_enter(b, "with");
    dsbi_value y = dsbi_tokens(b, dsbi_linear(b, x, "in", 3), true);
    dsbi_leave(b);
    return dsbi_tokens(b, y, false);
}

const dsbi_layer dsbi_layer_tokens = {.name = "tokens",
                                      .declare = declare,
                                      .needs = needs,
                                      .forward = forward,
                                      .backward = backward,
                                      .check_image = {2, 3, 3},
                                      .check = check};

dsbi_value dsbi_tokens(dsbi_builder *b, dsbi_value x, bool class_token)
{
    return dsbi_node_add(b, &dsbi_layer_tokens, "", &x, 1, &(dsbi_attrs){.first = class_token});
}
