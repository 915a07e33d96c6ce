/* Whether what an index was made from is as it was. */
#include <stdio.h>
#include <sys/stat.h>
#include "data/index_layout.h"

bool dsbi_index_is_current(const dsb_dataset *dataset)
{
    const dsbi_witnesses *w = &dataset->witnesses;
    char path[8300];
    bool is_tree = w->n > 0 && w->items[0].kind == DSBI_WITNESS_FOLDER;
    for (size_t i = 0; i < w->n; i++) {
        const char *name = dsbi_names_get(&dataset->names, w->items[i].path);
        bool is_below = is_tree && w->items[i].kind != DSBI_WITNESS_FILE;
        struct stat facts;
        int size = snprintf(path, sizeof path, "%.*s%s%s", is_below ? (int)dataset->where_path : 0,
                            dataset->where, is_below ? "/" : "", name);
        bool is_same = size > 0 && (size_t)size < sizeof path && stat(path, &facts) == 0;
        if (is_same) {
            int64_t time = (int64_t)facts.st_mtim.tv_sec * 1000000000 + facts.st_mtim.tv_nsec;
            is_same =
                time == w->items[i].mtime_ns && (w->items[i].kind == DSBI_WITNESS_FOLDER ||
                                                 (uint64_t)facts.st_size == w->items[i].size_bytes);
        }
        if (!is_same) {
            dsbi_fail(DSB_E_STATE, "%s changed since", *name ? name : dataset->where);
            return false;
        }
    }
    return w->n > 0;
}

static bool is_changed(const char *path)
{
    dsbi_fail(DSB_E_STATE, "%s changed since", path);
    return false;
}

bool dsbi_index_files_are_current(const dsb_dataset *d)
{
    uint64_t n = d->entries.n, n_all = n + d->broken.n + d->skipped.n, size;
    int64_t mtime_ns;
    if (!d->format->stat || d->checks_folders || (n_all > DSBI_INDEX_FEW && !d->checks_files))
        return true;
    for (uint64_t i = 0; i < n; i++) {
        const char *path = dsbi_dataset_path(d, i);
        if (d->format->stat(d->state, path, &size, &mtime_ns) != DSB_OK ||
            size != dsbi_entry_size(dsbi_dataset_entry(d, i)) || mtime_ns != d->map_times[i])
            return is_changed(path);
    }
    for (size_t i = 0; i < d->broken.n + d->skipped.n; i++) { /* it may have been mended */
        const dsbi_problem *problem =
            i < d->broken.n ? &d->broken.items[i] : &d->skipped.items[i - d->broken.n];
        const char *path = dsbi_names_get(&d->names, problem->path);
        if (problem->cause != DSB_CAUSE_HIDDEN &&
            d->format->stat(d->state, path, &size, &mtime_ns) == DSB_OK &&
            mtime_ns > d->started_ns - DSBI_CLOCK_TICK_NS)
            return is_changed(path);
    }
    return true;
}
