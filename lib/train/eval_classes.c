/* Which class of a collection is which output of a model. Three ways, surest first: a list of
 * names; labels that are numbers; class folders in an order that is written down. A wrong order
 * gives accuracies near 0 that look like a bad model, so what does not fit is refused. */
#include <stdlib.h>
#include <string.h>
#include "base/sort.h"
#include "data/dataset.h"
#include "train/eval_run.h"

static uint32_t n_classes(const dsb_eval *eval)
{
    return dsb_dataset_class_count(eval->dataset);
}

static const char *class_name(const dsb_eval *eval, uint32_t c)
{
    return dsb_dataset_class_name(eval->dataset, c);
}

static dsb_status name_output(dsb_eval *eval, size_t output, const char *name)
{
    if (eval->class_names[output])
        return DSB_OK;
    eval->class_names[output] = dsbi_strdup(eval->rt, name);
    return eval->class_names[output] ? DSB_OK : DSB_E_NOMEM;
}

/* Classes nobody belongs to may be called as they like. */
static void mark_used(dsb_eval *eval)
{
    for (uint64_t i = 0; i < eval->count; i++)
        eval->output_of[dsb_dataset_class(eval->dataset, i)] = 0;
}

/* The first output from `o` on that is called so. */
static size_t find_name(const dsb_eval *eval, const char *const *names, const char *name, size_t o)
{
    while (o < eval->n_outputs && strcmp(names[o], name) != 0)
        o++;
    return o;
}

/* Two outputs may have one name (ImageNet's "crane"), but then no class of that name is told. */
static dsb_status map_by_list(dsb_eval *eval, const char *const *names)
{
    for (size_t o = 0; o < eval->n_outputs; o++)
        DSBI_TRY(name_output(eval, o, names[o]));
    for (uint32_t c = 0; c < n_classes(eval); c++) {
        const char *name = class_name(eval, c);
        const size_t o = find_name(eval, names, name, 0);
        if (eval->output_of[c] == UINT32_MAX)
            continue;
        if (o == eval->n_outputs)
            return dsbi_fail(DSB_E_NOTFOUND, "%s: class '%s' is not among the %zu names of outputs",
                             dsb_dataset_name(eval->dataset), name, eval->n_outputs);
        const size_t other = find_name(eval, names, name, o + 1);
        if (other < eval->n_outputs)
            return dsbi_fail(DSB_E_DATA, "%s: class '%s' is the name of outputs %zu and %zu",
                             dsb_dataset_name(eval->dataset), name, o, other);
        eval->output_of[c] = (uint32_t)o;
    }
    return DSB_OK;
}

static dsb_status map_by_label(dsb_eval *eval)
{
    for (uint32_t c = 0; c < n_classes(eval); c++) {
        if (c < eval->n_outputs)
            DSBI_TRY(name_output(eval, c, class_name(eval, c)));
        else if (eval->output_of[c] != UINT32_MAX)
            return dsbi_fail(DSB_E_DATA, "%s: label %u, but the model has %zu outputs",
                             dsb_dataset_name(eval->dataset), c, eval->n_outputs);
        eval->output_of[c] = eval->output_of[c] == UINT32_MAX ? UINT32_MAX : c;
    }
    return DSB_OK;
}

/* "7", "007"; no sign, no space, not too large. */
static bool is_number(const char *name)
{
    const size_t size = strlen(name);
    return size > 0 && size < 9 && strspn(name, "0123456789") == size;
}

static dsb_status map_by_number(dsb_eval *eval)
{
    for (uint32_t c = 0; c < n_classes(eval); c++) {
        const unsigned long output = strtoul(class_name(eval, c), NULL, 10);
        if (output >= eval->n_outputs)
            return dsbi_fail(DSB_E_DATA, "%s: folder '%s', but the model has %zu outputs",
                             dsb_dataset_name(eval->dataset), class_name(eval, c), eval->n_outputs);
        DSBI_TRY(name_output(eval, output, class_name(eval, c)));
        eval->output_of[c] = (uint32_t)output;
    }
    return DSB_OK;
}

static int by_name(const void *a, const void *b, void *user)
{
    const dsb_dataset *dataset = user;
    return strcmp(dsb_dataset_class_name(dataset, *(const uint32_t *)a),
                  dsb_dataset_class_name(dataset, *(const uint32_t *)b));
}

static dsb_status map_by_order(dsb_eval *eval)
{
    const uint32_t n = n_classes(eval);
    if (n == 1 && eval->n_outputs > 1 && !*class_name(eval, 0))
        return dsbi_fail(DSB_E_DATA,
                         "%s: its images have no labels, nor do they lie in folders of classes",
                         dsb_dataset_name(eval->dataset));
    if (n != eval->n_outputs)
        return dsbi_fail(DSB_E_DATA,
                         "%s: %u class folders for %zu outputs: which is which must be said by a "
                         "list of names",
                         dsb_dataset_name(eval->dataset), n, eval->n_outputs);
    uint32_t *order = dsbi_alloc_array(eval->rt, n, sizeof *order);
    if (!order)
        return DSB_E_NOMEM;
    for (uint32_t c = 0; c < n; c++)
        order[c] = c;
    dsbi_sort(order, n, sizeof *order, by_name, (void *)(uintptr_t)eval->dataset);
    dsb_status status = DSB_OK;
    for (uint32_t o = 0; o < n && status == DSB_OK; o++) {
        eval->output_of[order[o]] = o;
        status = name_output(eval, o, class_name(eval, order[o]));
    }
    dsbi_free(eval->rt, order);
    return status;
}

/* Labels that were made from names of folders mean nothing once some folders are not there. */
static bool labels_are_folders(const dsb_eval *eval)
{
    return !dsb_dataset_has_labels(eval->dataset) ||
           (strcmp(dsb_dataset_format(eval->dataset), "imagefolder") == 0 &&
            n_classes(eval) != eval->n_outputs);
}

dsb_status dsbi_eval_map_classes(dsb_eval *eval, const char *const *names)
{
    memset(eval->output_of, 0xff, n_classes(eval) * sizeof *eval->output_of);
    mark_used(eval);
    if (names)
        return map_by_list(eval, names);
    if (!labels_are_folders(eval))
        return map_by_label(eval);
    bool numbers = true;
    for (uint32_t c = 0; c < n_classes(eval); c++)
        numbers = numbers && is_number(class_name(eval, c));
    return numbers ? map_by_number(eval) : map_by_order(eval);
}
