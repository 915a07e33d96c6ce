/* See bind.h. Every tensor looks for its parameter: by the key map, by its name, by a reading of
 * its name. Where two want the same one, the surer claim wins and the other is left over. Then
 * everything that does not fit is said in one sentence, by name. */
#include "nn/bind.h"

#include <string.h>
#include "base/sort.h"
#include "nn/positions.h"
#include "nn/weight_names.h"

/* Lower claims give way. A file may hold the weights and their running mean: the mean is what its
 * authors evaluate, so it comes first, and the weights beside it are no surplus. */
typedef enum claim {
    CLAIM_NONE,
    CLAIM_READING,
    CLAIM_NAME,
    CLAIM_EMA_READING,
    CLAIM_EMA_NAME,
    CLAIM_KEYMAP
} claim;

typedef struct binder {
    const dsbi_graph *graph;
    const dsbi_safetensors *st;
    const dsbi_st_tensor **tensors; /* [n_params, SLOTS] */
    uint8_t *claims;                /* [n_params, SLOTS] */
    uint8_t *used;                  /* [st->n]: bound, or known not to matter */
    uint32_t *by_name;              /* [n_params] parameters sorted by name */
    dsbi_binding *bound;            /* [n_params] */
} binder;

enum { THIRDS = 3, SLOTS = 1 + THIRDS }; /* the whole, then its thirds */

static int compare_params(const void *a, const void *b, void *user)
{
    const dsbi_param *params = user;
    return strcmp(params[*(const uint32_t *)a].name, params[*(const uint32_t *)b].name);
}

static void sort_params(binder *b)
{
    for (size_t i = 0; i < b->graph->n_params; i++)
        b->by_name[i] = (uint32_t)i;
    dsbi_sort(b->by_name, b->graph->n_params, sizeof *b->by_name, compare_params, b->graph->params);
}

static bool find_param(const binder *b, const char *name, size_t *param)
{
    for (size_t low = 0, high = b->graph->n_params; low < high;) {
        const size_t middle = low + (high - low) / 2;
        const int order = strcmp(name, b->graph->params[b->by_name[middle]].name);
        *param = b->by_name[middle];
        if (order == 0)
            return true;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return false;
}

static size_t number_of(const binder *b, const dsbi_st_tensor *tensor)
{
    return (size_t)(tensor - b->st->tensors);
}

static void take(binder *b, size_t slot, const dsbi_st_tensor *tensor, claim how)
{
    const claim held = (claim)b->claims[slot];
    const bool wins = how > held;
    const dsbi_st_tensor *loser = wins ? b->tensors[slot] : tensor;
    if (wins) {
        b->tensors[slot] = tensor;
        b->claims[slot] = (uint8_t)how;
        b->used[number_of(b, tensor)] = 1;
    }
    if (loser) /* no surplus beside a mean, or where the user chose */
        b->used[number_of(b, loser)] = (how >= CLAIM_EMA_READING) != (held >= CLAIM_EMA_READING);
}

static dsb_status take_keymap(binder *b, const dsbi_json_value *keymap)
{
    if (keymap && dsbi_json_type_of(keymap) != DSBI_JSON_OBJECT)
        return dsbi_fail(DSB_E_FORMAT, "not an object of names, {\"ours\": \"the file's\", ...}");
    for (const dsbi_json_value *v = dsbi_json_first(keymap); v; v = dsbi_json_next(v)) {
        size_t size, param;
        const char *ours = dsbi_json_key(v, NULL), *theirs = dsbi_json_string(v, &size);
        if (!theirs || strlen(theirs) != size)
            return dsbi_fail(DSB_E_FORMAT, "the value of \"%.80s\" is no name", ours);
        const dsbi_st_tensor *tensor = dsbi_st_find(b->st, theirs);
        if (tensor && find_param(b, ours, &param))
            take(b, param * SLOTS, tensor, CLAIM_KEYMAP);
        else if (tensor && dsbi_name_is_idle(ours))
            b->used[number_of(b, tensor)] = 1;
    }
    return DSB_OK;
}

static void take_by_name(binder *b, const dsbi_st_tensor *tensor)
{
    dsbi_reading r;
    size_t param;
    if (strlen(tensor->name) != tensor->name_size)
        return;
    for (dsbi_reading_start(&r, tensor->name); dsbi_reading_next(&r);)
        if (find_param(b, r.name, &param)) {
            const claim plain = r.rule ? CLAIM_READING : CLAIM_NAME,
                        ema = r.rule ? CLAIM_EMA_READING : CLAIM_EMA_NAME;
            take(b, param * SLOTS + r.third, tensor, r.ema ? ema : plain);
            return;
        }
    if (tensor->size == 1 && dsbi_name_is_idle(tensor->name))
        b->used[number_of(b, tensor)] = 1;
}

/* What each parameter gets. Thirds beside the whole are left over. */
static void settle(binder *b)
{
    for (size_t i = 0; i < b->graph->n_params; i++) {
        const dsbi_st_tensor **slots = b->tensors + i * SLOTS;
        dsbi_binding *bound = &b->bound[i];
        const bool thirds = slots[1] && slots[2] && slots[3];
        bound->n = slots[0] ? 1 : thirds ? THIRDS : 0;
        for (size_t k = 0; k < bound->n; k++)
            bound->parts[k] = slots[slots[0] ? k : k + 1];
        for (size_t k = 1; slots[0] && k < SLOTS; k++)
            if (slots[k])
                b->used[number_of(b, slots[k])] = 0;
    }
}

/* Copies dimensions other than 1. */
static size_t squeeze(uint64_t out[DSBI_ST_MAX_RANK], const dsbi_st_tensor *tensor)
{
    size_t n = 0;
    for (size_t d = 0; d < tensor->rank; d++)
        if (tensor->dims[d] != 1)
            out[n++] = tensor->dims[d];
    return n;
}

/* The same numbers in the same order: dimensions of 1 do not matter, and [out, in] may be
 * [out, c, h, w]: a linear layer stored as a convolution over all pixels, or the reverse. */
static bool same_numbers(const dsbi_param *param, const dsbi_st_tensor *tensor)
{
    uint64_t there[DSBI_ST_MAX_RANK];
    size_t n = squeeze(there, tensor), at = 0;
    if (tensor->size != param->size)
        return false;
    if ((param->rank == 2) != (tensor->rank == 2) && param->rank >= 2 && tensor->rank >= 2)
        return param->dims[0] == tensor->dims[0];
    for (size_t d = 0; d < param->rank; d++)
        if (param->dims[d] != 1 && (at == n || there[at++] != param->dims[d]))
            return false;
    return at == n;
}

static bool fits_whole(const dsbi_param *param, const dsbi_st_tensor *tensor)
{
    return same_numbers(param, tensor) ||
           dsbi_positions_side(param, tensor->rank, tensor->dims) > 0;
}

/* `n` parts of equal size make up the parameter. */
static bool fits(const dsbi_param *param, const dsbi_st_tensor *tensor, size_t n)
{
    if (n == 1)
        return fits_whole(param, tensor);
    dsbi_param third = *param;
    third.dims[0] /= n;
    third.size /= n;
    return param->dims[0] % n == 0 && same_numbers(&third, tensor);
}

/* ---- the sentence ---- */

enum { LISTED = 12 };

/* A list of names with its count: "3 missing: a, b, c". */
typedef struct names {
    dsbi_text text;
    size_t n;
} names;

static bool names_room(names *list)
{
    if (list->n++ < LISTED) {
        dsbi_text_add(&list->text, list->n > 1 ? ", " : "");
        return true;
    }
    return false;
}

static void add_shapes(dsbi_text *text, const dsbi_param *param, const dsbi_st_tensor *tensor,
                       size_t n)
{
    char shown[DSBI_ST_SHOWN_NAME];
    dsbi_text_add(text, param->name);
    if (strcmp(param->name, tensor->name) != 0)
        dsbi_text_printf(text, " (%s in the file)", dsbi_st_shown(tensor, shown));
    dsbi_text_add(text, " is [");
    for (size_t d = 0; d < tensor->rank; d++)
        dsbi_text_printf(text, d ? ",%llu" : "%llu", (unsigned long long)tensor->dims[d]);
    dsbi_text_add(text, "], expected [");
    for (size_t d = 0; d < param->rank; d++)
        dsbi_text_printf(text, d ? ",%zu" : "%zu", d ? param->dims[d] : param->dims[d] / n);
    dsbi_text_add(text, "]");
}

static void say(dsbi_text *sentence, const names *list, const char *what)
{
    if (list->n == 0)
        return;
    dsbi_text_printf(sentence, "%s%zu %s: %s", sentence->size ? "; " : "", list->n, what,
                     list->text.data);
    if (list->n > LISTED)
        dsbi_text_printf(sentence, " and %zu more", list->n - LISTED);
}

static void collect(const binder *b, const dsb_load_opts *opts, names *missing, names *extra,
                    names *misshapen)
{
    char shown[DSBI_ST_SHOWN_NAME];
    for (size_t i = 0; i < b->graph->n_params; i++) {
        const dsbi_param *param = &b->graph->params[i];
        const dsbi_binding *bound = &b->bound[i];
        if (bound->n == 0 && !opts->allow_missing && names_room(missing))
            dsbi_text_add(&missing->text, param->name);
        for (size_t k = 0; k < bound->n; k++)
            if (!fits(param, bound->parts[k], bound->n) && names_room(misshapen))
                add_shapes(&misshapen->text, param, bound->parts[k], bound->n);
    }
    for (size_t i = 0; i < b->st->n && !opts->allow_extra; i++) {
        const uint32_t tensor = b->st->by_name[i];
        if (!b->used[tensor] && names_room(extra))
            dsbi_text_add(&extra->text, dsbi_st_shown(&b->st->tensors[tensor], shown));
    }
}

static dsb_status report(const binder *b, const dsb_load_opts *opts)
{
    names lists[3] = {{.n = 0}};
    names *missing = &lists[0], *extra = &lists[1], *misshapen = &lists[2];
    dsbi_text sentence;
    dsbi_text_init(&sentence, b->graph->rt);
    for (size_t i = 0; i < 3; i++)
        dsbi_text_init(&lists[i].text, b->graph->rt);
    collect(b, opts, missing, extra, misshapen);
    say(&sentence, missing, "missing");
    say(&sentence, extra, "extra");
    say(&sentence, misshapen, "misshapen");
    dsb_status status = missing->n + extra->n > 0 ? DSB_E_NOTFOUND
                        : misshapen->n > 0        ? DSB_E_SHAPE
                                                  : DSB_OK;
    if (status != DSB_OK)
        status = dsbi_fail(status, "the weights do not fit the model: %s", sentence.data);
    for (size_t i = 0; i < 3; i++)
        dsbi_text_free(&lists[i].text);
    dsbi_text_free(&sentence);
    return status;
}

static dsb_status check(const binder *b, const dsb_load_opts *opts)
{
    DSBI_TRY(report(b, opts));
    for (size_t i = 0; i < b->graph->n_params; i++)
        for (size_t k = 0; k < b->bound[i].n; k++)
            DSBI_TRY(dsbi_st_check_real(b->bound[i].parts[k]));
    return DSB_OK;
}

/* opts NULL: names alone. */
static dsb_status bind_tensors(const dsbi_graph *graph, dsbi_binding *bound,
                               const dsbi_safetensors *st, const dsbi_json_value *keymap,
                               const dsb_load_opts *opts)
{
    dsb_runtime *rt = graph->rt;
    dsb_status status = DSB_E_NOMEM;
    binder b = {
        .graph = graph,
        .st = st,
        .bound = bound,
        .tensors = dsbi_calloc(rt, graph->n_params * SLOTS + 1, sizeof *b.tensors),
        .claims = dsbi_calloc(rt, graph->n_params * SLOTS + 1, sizeof *b.claims),
        .used = dsbi_calloc(rt, st->n + 1, sizeof *b.used),
        .by_name = dsbi_alloc_array(rt, graph->n_params + 1, sizeof *b.by_name),
    };
    memset(bound, 0, graph->n_params * sizeof *bound);
    if (!b.tensors || !b.claims || !b.used || !b.by_name)
        goto done;
    sort_params(&b);
    DSBI_GO(dsbi_fail_at(take_keymap(&b, keymap), "key map"));
    for (size_t i = 0; i < st->n; i++)
        if (!b.used[st->by_name[i]])
            take_by_name(&b, &st->tensors[st->by_name[i]]);
    settle(&b);
    status = opts ? check(&b, opts) : DSB_OK;
done:
    dsbi_free(rt, (void *)b.tensors);
    dsbi_free(rt, b.claims);
    dsbi_free(rt, b.used);
    dsbi_free(rt, b.by_name);
    return status;
}

dsb_status dsbi_bind(const dsbi_graph *graph, dsbi_binding *bound, const dsbi_safetensors *st,
                     const dsbi_json_value *keymap, const dsb_load_opts *opts)
{
    return bind_tensors(graph, bound, st, keymap, opts);
}

dsb_status dsbi_bind_names(const dsbi_graph *graph, dsbi_binding *bound, const dsbi_safetensors *st,
                           const dsbi_json_value *keymap)
{
    return bind_tensors(graph, bound, st, keymap, NULL);
}
