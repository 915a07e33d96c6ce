/* How the work of affine.h is cut into tasks, by sizes alone, and what scratch memory that takes.
 */
#include "nn/affine_inside.h"
#include "base/sizes.h"
#include "nn/branch.h"
#include "nn/factors.h"
#include "nn/products.h"

/* A block's operands stay in a 1 MiB second-level cache (Zen 5, November 2026); its rows are a
 * multiple of the heights of all tiles: 14, 6, 4. */
enum {
    BLOCK_ELEMENTS = 131072,
    TILE_ROWS = 84,
    MOST_ROWS = 12 * TILE_ROWS,
    MANY_WEIGHTS = 1 << 19,  /* their gradient is one product over all rows */
    LARGE_PARTIAL = 1 << 15, /* worth summing over at least GROUP_ROWS before it is put away */
    GROUP_ROWS = 768,
    GROUPS_WANTED = 8
};

/* Least columns of a product's task: a multiple of every tile width. */
enum { ALIASING_STRIDE = 1024, GAP = 16, LEAST_COLUMNS = 64, TASKS_WANTED = 16 };

static size_t block_rows(size_t k, size_t n)
{
    const size_t rows = BLOCK_ELEMENTS / (k + 2 * n) / TILE_ROWS * TILE_ROWS;
    return rows < TILE_ROWS ? TILE_ROWS : rows > MOST_ROWS ? MOST_ROWS : rows;
}

/* Too few blocks of rows to share out: columns are cut as well, unless patches would be gathered
 * again for each or rows of the output go on elsewhere. */
static void cut_columns(dsbi_affine_work *work)
{
    const size_t down = dsbi_pieces(work->rows, work->block);
    work->columns = work->affine->n;
    if (!work->affine->gather && work->groups == 1 && !work->dropped && down < TASKS_WANTED) {
        const size_t most = dsbi_pieces(work->n, LEAST_COLUMNS);
        const size_t wanted = dsbi_pieces(TASKS_WANTED, down);
        work->columns = dsbi_pieces(most, wanted < most ? wanted : most) * LEAST_COLUMNS;
    }
    work->across = dsbi_pieces(work->affine->n, work->columns);
}

/* Forward without statistics for a norm: blocks of equal size, a number of them that threads share.
 * Short blocks instead of columns where weights are few enough to be read again for each: columns
 * are shared out less evenly. */
void dsbi_affine_cut_rows(dsbi_affine_work *work)
{
    if (work->across > 1 && work->n * work->k <= BLOCK_ELEMENTS &&
        work->rows >= TASKS_WANTED * TILE_ROWS) {
        work->columns = work->n;
        work->across = 1;
        work->block = TILE_ROWS;
    }
    if (work->across == 1 && work->rows > 2 * work->block)
        work->block = dsbi_even_step(work->rows, work->block, false, work->rows);
}

void dsbi_affine_cut(dsbi_affine_work *work, const dsbi_affine *affine, const dsbi_node *node,
                     size_t batch, bool training)
{
    const size_t groups = affine->groups ? affine->groups : 1;
    *work = (dsbi_affine_work){.affine = affine,
                               .groups = groups,
                               .k = affine->k / groups,
                               .n = affine->n / groups,
                               .scaled = node->gamma != DSBI_NONE,
                               .dropped = dsbi_branch_drops(node, training),
                               .sloping = node->slopes,
                               .normed = node->reads_norm,
                               .rows = batch * affine->image_rows,
                               .block = block_rows(affine->k, affine->n)};
    work->few_rows = !affine->gather && groups == 1 && !node->gelu && !node->residual &&
                     !node->reads_norm && dsbi_few_rows_fits(work->rows, work->n, work->k);
    cut_columns(work);
}

/* Groups are whole images where patches of one image overlap in dx. */
void dsbi_affine_cut_groups(dsbi_affine_work *work)
{
    const dsbi_affine *affine = work->affine;
    const size_t unit = affine->blocked_rows ? 1 : affine->image_rows,
                 width = affine->k + affine->n;
    const size_t units = work->rows / unit;
    size_t partial = affine->n * work->k + affine->n;
    const bool large = partial > LARGE_PARTIAL,
               short_of_rows = work->rows < GROUPS_WANTED * GROUP_ROWS;
    work->whole_product = (!affine->gather || affine->gather_columns) && work->groups == 1 &&
                          (partial > MANY_WEIGHTS || (large && short_of_rows));
    if (work->whole_product)
        partial = affine->n;
    size_t step = dsbi_partial_step(units, width * unit, partial);
    const size_t least_rows = large && !short_of_rows ? GROUP_ROWS : work->block;
    const size_t least = dsbi_pieces(least_rows, unit);
    work->most_groups = dsbi_partial_most(units, width * unit, partial);
    work->group = dsbi_even_step(units, step > least ? step : least, !work->whole_product,
                                 work->most_groups) *
                  unit;
}

static void lay_workers(dsbi_affine_work *work, const dsbi_affine *affine, bool backward)
{
    size_t end = 0;
    work->ld = affine->k + (!backward && affine->k % ALIASING_STRIDE == 0 ? GAP : 0);
    const bool copied = affine->gather || work->ld > affine->k || work->normed;
    work->patches = dsbi_take(&end, copied ? work->block * work->ld : 0);
    work->dpatches = dsbi_take(&end, affine->gather && backward ? work->block * affine->k : 0);
    work->block_out = dsbi_take(&end, work->block * affine->n);
    work->outputs = dsbi_take(&end, work->sloping ? work->block * affine->k : 0);
    work->packed_rows =
        dsbi_take(&end, backward ? dsbi_affine_packed_size(work->block, work->k) : 0);
    work->worker_size = end;
}

void dsbi_affine_lay_forward(dsbi_affine_work *work, size_t n_threads, bool prepared)
{
    const dsbi_affine *affine = work->affine;
    work->few_rows &= !prepared;
    work->weights = dsbi_take(&work->end, work->scaled && !prepared ? affine->n * work->k : 0);
    if (work->few_rows) {
        work->product = dsbi_take(&work->end, dsbi_few_rows_size(work->rows, work->k, n_threads));
        return;
    }
    work->packed = dsbi_take(&work->end, prepared ? 0 : dsbi_affine_ready_size(work));
    lay_workers(work, affine, false);
    work->worker = dsbi_take(&work->end, n_threads * work->worker_size);
}

void dsbi_affine_lay_backward(dsbi_affine_work *work, size_t n_threads)
{
    const dsbi_affine *affine = work->affine;
    const size_t n_weights = affine->n * work->k;
    work->weights = dsbi_take(&work->end, work->scaled ? n_weights : 0);
    work->packed = dsbi_take(
        &work->end, work->few_rows ? 0 : work->groups * dsbi_affine_packed_size(work->n, work->k));
    work->stride = (work->whole_product ? 0 : n_weights) + affine->n;
    work->stride = (work->stride + 15) / 16 * 16;
    work->partials = dsbi_take(&work->end, work->most_groups * work->stride);
    work->total = dsbi_take(&work->end, work->scaled ? n_weights + affine->n : 0);
    work->drops =
        dsbi_take(&work->end, work->whole_product && work->dropped ? work->rows * affine->n : 0);
    const size_t few = work->few_rows ? dsbi_few_rows_size(work->rows, work->n, n_threads) : 0;
    const bool gathered = affine->gather || work->normed;
    const size_t all = work->whole_product
                           ? dsbi_all_rows_size(work->rows, affine->n, work->k, gathered, n_threads)
                           : 0;
    work->product = dsbi_take(&work->end, few > all ? few : all);
    lay_workers(work, affine, true);
    work->worker = dsbi_take(&work->end, n_threads * work->worker_size);
}

/* Scratch for `batch` images. Fewer images than planned may take another way, so the plan asks for
 * the numbers at which ways part as well. */
static void add_needs(const dsbi_affine *affine, const dsbi_node *node, const dsbi_sizing *sizing,
                      size_t batch, dsbi_needs *needs)
{
    const bool prepared = needs->prepared > 0;
    dsbi_affine_work work;
    dsbi_affine_cut(&work, affine, node, batch, sizing->training);
    dsbi_affine_lay_forward(&work, sizing->n_threads, prepared);
    needs->scratch_forward = dsbi_larger(needs->scratch_forward, work.end * sizing->item);
    dsbi_affine_cut(&work, affine, node, batch, sizing->training);
    dsbi_affine_cut_groups(&work);
    dsbi_affine_lay_backward(&work, sizing->n_threads);
    needs->scratch_backward = dsbi_larger(needs->scratch_backward, work.end * sizing->item);
}

void dsbi_affine_needs(const dsbi_affine *affine, const dsbi_node *node, const dsbi_sizing *sizing,
                       dsbi_needs *needs)
{
    dsbi_affine_work work;
    dsbi_affine_cut(&work, affine, node, sizing->batch, sizing->training);
    if (sizing->prepares && !work.few_rows) {
        needs->prepared = dsbi_affine_ready_size(&work) * sizing->item;
        needs->scratch_prepare = work.scaled ? affine->n * work.k * sizing->item : 0;
    }
    add_needs(affine, node, sizing, sizing->batch, needs);
    const size_t turns[] = {DSBI_FEW_ROWS, GROUPS_WANTED * GROUP_ROWS - 1};
    for (size_t i = 0; i < 2; i++)
        if (turns[i] / affine->image_rows > 0 && turns[i] / affine->image_rows < sizing->batch)
            add_needs(affine, node, sizing, turns[i] / affine->image_rows, needs);
    needs->saved = node->gelu ? sizing->batch * affine->image_rows * affine->n * sizing->item : 0;
    needs->keep_x = node->pixels ? 0 : 1;
    needs->writes_grads = true;
    needs->adds_dx = true;
    needs->in_place = needs->passes = node->residual ? 2 : 0;
    needs->takes_norm = !node->gelu && !node->relu && !node->residual;
    needs->slopes_x = affine->blocked_rows && !affine->gather && work.groups == 1;
    needs->sums_norm = affine->blocked_rows && !affine->gather && affine->k == node->in.c;
    needs->stats_parts = dsbi_pieces(work.rows, work.block);
    if (sizing->factors && !affine->gather && work.groups == 1 && !work.scaled &&
        dsbi_factors_fit(work.rows, work.n, work.k)) {
        needs->factors = dsbi_factors_bytes(work.rows, work.n, work.k, sizing->item);
        needs->factor_rows = work.rows;
    }
    dsbi_affine_cut_groups(&work);
    const bool few_columns =
        affine->gather && work.whole_product; /* at a time: a norm's are slow */
    needs->reads_norm = (affine->gather || affine->k == node->in.c) && !node->pixels &&
                        !few_columns && !work.few_rows && needs->factors == 0;
}
