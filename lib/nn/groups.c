/* Large activations never leave the caches: a stretch of operations runs from its first to its last
 * for one or a few images, whose arrays are written over by the next ones. Each worker takes images
 * of its own. The price is that the stretch's weights are read once for each group of images, so
 * stretches end where weights outweigh activations. Images do not touch each other in inference, so
 * the bits are those of the whole batch. */
#include <string.h>
#include "base/file.h"
#include "base/pool.h"
#include "nn/plan_inside.h"

/* For 32 MiB of third-level cache shared by a few cores (Zen 5, November 2026), in bytes. */
enum {
    BATCH_BYTES =
        16 << 20,          /* arrays of an operation, all images: smaller ones stay cached anyway */
    GROUP_BYTES = 4 << 20, /* the same of a group of images, where images are small enough */
    WINDOW = 4,            /* operations that weights and activations are compared over */
    BATCHES = 2            /* groups for each worker, or none would be shared out evenly */
};

/* Bytes that operation i reads and writes for an image. */
static size_t image_bytes(const dsbi_plan *plan, size_t i)
{
    const dsbi_node *node = &plan->nodes[i];
    size_t bytes = dsbi_value_bytes(plan, i, 1);
    for (size_t k = 0; k < node->n_inputs; k++)
        bytes += node->pixels && k == 0 ? dsbi_shape_size(node->in)
                                        : dsbi_value_bytes(plan, node->inputs[k], 1);
    return bytes;
}

static bool is_large(const dsbi_plan *plan, size_t i)
{
    return plan->opts.batch * image_bytes(plan, i) > BATCH_BYTES;
}

static size_t images_of(size_t most_bytes, size_t batch)
{
    const size_t images = GROUP_BYTES / (most_bytes ? most_bytes : 1);
    return images < 1 ? 1 : images > batch ? batch : images;
}

/* Weights that are folded in each pass belong to all workers. */
static bool may_group(const dsbi_plan *plan, size_t i)
{
    return i != plan->input && plan->folded[i] == NO_BUFFER;
}

/* Do the activations of the operations up to i outweigh their weights? */
static bool pays(const dsbi_plan *plan, size_t first, size_t i, size_t images)
{
    size_t activations = 0, weights = 0;
    for (size_t j = i + 1; j-- > first && i - j < WINDOW;) {
        activations += images * image_bytes(plan, j);
        weights += plan->needs[j].prepared;
    }
    return activations >= 2 * weights;
}

/* The longest stretch from `first` on that ends with a large operation; false: none. */
static bool find_stretch(const dsbi_plan *plan, size_t first, dsbi_group *group)
{
    size_t most = 0;
    bool found = false;
    for (size_t i = first; i < plan->n_nodes && may_group(plan, i); i++) {
        const size_t bytes = image_bytes(plan, i);
        most = bytes > most ? bytes : most;
        const size_t images = images_of(most, plan->opts.batch);
        if (!pays(plan, first, i, images))
            break;
        if (is_large(plan, i)) {
            *group = (dsbi_group){first, i, images, 0, NO_BUFFER};
            found = i > first;
        }
    }
    return found && plan->opts.batch / group->images >= BATCHES * plan->rt->n_threads;
}

static bool is_inside(const dsbi_buffer *buffer, const dsbi_group *group)
{
    return buffer->size > 0 && buffer->birth >= group->first && buffer->death <= group->last;
}

/* Takes the arrays of the stretch out of the arena and lays them for one worker. */
static dsb_status lay_worker(dsbi_plan *plan, dsbi_group *group)
{
    dsbi_buffer *inside = plan->group_buffers;
    for (size_t i = group->first; i <= group->last; i++) {
        const ptrdiff_t value = plan->value[i], scratch = plan->scratch_forward[i];
        if (is_inside(&plan->buffers[value], group)) {
            inside[value] = plan->buffers[value];
            inside[value].size = dsbi_value_bytes(plan, i, group->images);
        }
        const dsbi_sizing sizing = {.batch = group->images,
                                    .item = plan->opts.math->item,
                                    .n_threads = 1,
                                    .prepares = true};
        const dsbi_needs needs = dsbi_needs_of(&plan->nodes[i], &sizing);
        inside[scratch] = plan->buffers[scratch];
        inside[scratch].size = needs.scratch_forward;
    }
    dsbi_buffer *list = dsbi_alloc_array(plan->rt, plan->n_buffers, sizeof *list);
    if (!list)
        return DSB_E_NOMEM;
    size_t n = 0;
    for (size_t b = 0; b < plan->n_buffers; b++)
        if (inside[b].size > 0 && is_inside(&inside[b], group))
            list[n++] = inside[b];
    dsb_status status = dsbi_place(plan->rt, list, n, &group->worker_bytes);
    n = 0;
    for (size_t b = 0; b < plan->n_buffers && status == DSB_OK; b++)
        if (inside[b].size > 0 && is_inside(&inside[b], group)) {
            inside[b] = list[n++];
            plan->buffers[b].size = 0;
        }
    dsbi_free(plan->rt, list);
    return status;
}

/* Some images are at the end of the stretch while others begin: what lives at all within it and in
 * the arena lives through all of it. */
static void stretch_lives(dsbi_plan *plan, const dsbi_group *group)
{
    for (size_t b = 0; b < plan->n_buffers; b++) {
        dsbi_buffer *buffer = &plan->buffers[b];
        if (buffer->birth > group->last || buffer->death < group->first)
            continue;
        if (buffer->birth > group->first)
            buffer->birth = group->first;
        if (buffer->death < group->last)
            buffer->death = group->last;
    }
}

static dsb_status add_group(dsbi_plan *plan, dsbi_group group)
{
    DSBI_TRY(lay_worker(plan, &group));
    stretch_lives(plan, &group);
    group.worker_bytes = (group.worker_bytes + 4095) / 4096 * 4096;
    DSBI_TRY(dsbi_plan_new_buffer(plan, &group.buffer, plan->rt->n_threads * group.worker_bytes,
                                  group.first, group.last));
    plan->groups[plan->n_groups++] = group;
    return DSB_OK;
}

dsb_status dsbi_groups_lay(dsbi_plan *plan)
{
    const size_t n = plan->n_nodes, threads = plan->rt->n_threads;
    if (plan->opts.training || !plan->opts.version)
        return DSB_OK;
    for (size_t i = 0; i < n; i++)
        if (plan->nodes[i].n_inputs > plan->most_inputs)
            plan->most_inputs = plan->nodes[i].n_inputs;
    plan->groups = dsbi_calloc(plan->rt, n, sizeof *plan->groups);
    /* a buffer for each group may come */
    plan->group_buffers = dsbi_calloc(plan->rt, plan->n_buffers + n, sizeof *plan->group_buffers);
    plan->group_seconds = dsbi_calloc(plan->rt, threads * n, sizeof *plan->group_seconds);
    plan->group_pointers =
        dsbi_calloc(plan->rt, threads * plan->most_inputs + 1, sizeof *plan->group_pointers);
    if (!plan->groups || !plan->group_buffers || !plan->group_seconds || !plan->group_pointers)
        return DSB_E_NOMEM;
    for (size_t i = 0; i < n; i++) {
        dsbi_group group;
        if (may_group(plan, i) && find_stretch(plan, i, &group)) {
            DSBI_TRY(add_group(plan, group));
            i = group.last;
        }
    }
    return DSB_OK;
}

/* A group of images on its way through a stretch. */
typedef struct group_run {
    dsbi_plan *plan;
    const dsbi_group *group;
    uint64_t step;
} group_run;

/* Where a buffer lies for images `first` ..: with the worker, or in the arena. */
static void *place_of(const group_run *run, ptrdiff_t buffer, size_t offset, size_t worker)
{
    const dsbi_plan *plan = run->plan;
    if (buffer == NO_BUFFER)
        return NULL;
    if (plan->group_buffers[buffer].size > 0 && is_inside(&plan->group_buffers[buffer], run->group))
        return (char *)dsbi_buffer_at(plan, run->group->buffer) +
               worker * run->group->worker_bytes + plan->group_buffers[buffer].offset;
    return (char *)dsbi_buffer_at(plan, buffer) + offset;
}

static dsb_status run_operation(const group_run *run, size_t i, size_t first, size_t count,
                                size_t worker)
{
    dsbi_plan *plan = run->plan;
    const dsbi_node *node = &plan->nodes[i];
    dsbi_call call = plan->forward[i].call;
    const void **x = (const void **)plan->group_pointers + worker * plan->most_inputs;
    for (size_t k = 0; k < node->n_inputs; k++) {
        const dsbi_value from = node->inputs[k];
        x[k] = place_of(run, plan->value[from], dsbi_value_bytes(plan, from, first), worker);
    }
    call.x = x;
    call.y = place_of(run, plan->value[i], dsbi_value_bytes(plan, i, first), worker);
    call.scratch = place_of(run, plan->scratch_forward[i], 0, worker);
    call.pixels = node->pixels ? call.pixels + first * dsbi_shape_size(node->in) : NULL;
    call.batch = count;
    call.alone = true;
    call.step = run->step;
    const double start = plan->opts.timed ? dsbi_now() : 0;
    DSBI_TRY(node->layer->forward(&call));
    if (plan->opts.timed)
        plan->group_seconds[worker * plan->n_nodes + i] += dsbi_now() - start;
    return DSB_OK;
}

static dsb_status run_images(void *user, size_t task, size_t worker)
{
    const group_run *run = user;
    const dsbi_plan *plan = run->plan;
    const size_t first = task * run->group->images, left = plan->count - first;
    const size_t count = left < run->group->images ? left : run->group->images;
    for (size_t i = run->group->first; i <= run->group->last; i++)
        if (plan->forward[i].active)
            DSBI_TRY(run_operation(run, i, first, count, worker));
    return DSB_OK;
}

dsb_status dsbi_group_run(dsbi_plan *plan, const dsbi_group *group, uint64_t step)
{
    group_run run = {plan, group, step};
    const size_t threads = plan->rt->n_threads, n = plan->n_nodes;
    if (plan->opts.timed)
        memset(plan->group_seconds, 0, threads * n * sizeof *plan->group_seconds);
    DSBI_TRY(dsbi_parallel(plan->rt, (plan->count + group->images - 1) / group->images, run_images,
                           &run));
    for (size_t i = group->first; i <= group->last && plan->opts.timed; i++) {
        double seconds = 0;
        for (size_t worker = 0; worker < threads; worker++)
            seconds += plan->group_seconds[worker * n + i];
        dsbi_plan_note(&plan->forward[i], seconds / (double)threads);
    }
    return DSB_OK;
}
