/* Writing an index: beside the old one, synced, renamed. The header comes first in the file and is
 * known last, so the regions are gone through twice; the first time only counts and sums. */
#include <stddef.h>
#include <string.h>
#include "base/file.h"
#include "data/index_layout.h"

typedef struct writer {
    dsbi_new_file file;
    dsbi_index_header head;
    uint64_t at;
    dsbi_index_sum sum;
} writer;

static void begin_region(writer *w, enum dsbi_region r, uint64_t count)
{
    w->head.counts[r] = count;
    w->head.regions[r].offset = w->at;
    w->head.regions[r].size = count * dsbi_region_item_bytes[r];
    dsbi_index_sum_begin(&w->sum);
}

static void put(writer *w, const void *data, size_t size)
{
    dsbi_new_file_write(&w->file, data, size);
    dsbi_index_sum_add(&w->sum, data, size);
    w->at += size;
}

static void end_region(writer *w, enum dsbi_region r)
{
    static const uint8_t zeros[DSBI_INDEX_PAGE];
    w->head.regions[r].checksum = dsbi_index_sum_end(&w->sum);
    size_t pad = (size_t)((DSBI_INDEX_PAGE - w->at % DSBI_INDEX_PAGE) % DSBI_INDEX_PAGE);
    dsbi_new_file_write(&w->file, zeros, pad);
    w->at += pad;
}

static void put_region(writer *w, enum dsbi_region r, const void *items, uint64_t count)
{
    begin_region(w, r, count);
    put(w, items, count * dsbi_region_item_bytes[r]);
    end_region(w, r);
}

static void put_regions(writer *w, const dsb_dataset *dataset)
{
    const dsbi_entries *entries = &dataset->entries;
    begin_region(w, DSBI_REGION_ENTRIES, entries->n);
    for (uint64_t i = 0; i < entries->n; i += DSBI_ENTRY_SEGMENT) {
        uint64_t n = entries->n - i < DSBI_ENTRY_SEGMENT ? entries->n - i : DSBI_ENTRY_SEGMENT;
        put(w, dsbi_entries_at(entries, i), n * sizeof(dsbi_entry));
    }
    end_region(w, DSBI_REGION_ENTRIES);
    const dsbi_names *names = &dataset->names;
    size_t n = names->n_segments;
    begin_region(w, DSBI_REGION_NAMES, n ? (n - 1) * DSBI_NAME_SEGMENT + names->used : 0);
    for (size_t s = 0; s < n; s++)
        put(w, names->segments[s], s + 1 < n ? DSBI_NAME_SEGMENT : names->used);
    end_region(w, DSBI_REGION_NAMES);
    put_region(w, DSBI_REGION_TIMES, dataset->mtimes, entries->n);
    put_region(w, DSBI_REGION_GROUPS, dataset->groups, dataset->groups ? entries->n : 0);
    put_region(w, DSBI_REGION_CLASSES, dataset->strata.names, dataset->strata.n);
    put_region(w, DSBI_REGION_GROUP_NAMES, dataset->group_names.names, dataset->group_names.n);
    put_region(w, DSBI_REGION_BROKEN, dataset->broken.items, dataset->broken.n);
    put_region(w, DSBI_REGION_SKIPPED, dataset->skipped.items, dataset->skipped.n);
    put_region(w, DSBI_REGION_WITNESSES, dataset->witnesses.items, dataset->witnesses.n);
}

/* What changed while or just before the listing may change again without another time. */
static void distrust_recent(dsb_dataset *dataset, int64_t started_ns)
{
    for (size_t i = 0; i < dataset->witnesses.n; i++)
        if (dataset->witnesses.items[i].mtime_ns > started_ns - DSBI_CLOCK_TICK_NS)
            dataset->witnesses.items[i].mtime_ns = -1;
    for (uint64_t i = 0; i < dataset->entries.n; i++)
        if (dataset->mtimes[i] > started_ns - DSBI_CLOCK_TICK_NS)
            dataset->mtimes[i] = -1;
}

static dsb_status fill_header(dsbi_index_header *h, dsb_dataset *dataset)
{
    *h = (dsbi_index_header){.version = DSBI_INDEX_VERSION,
                             .byte_order = DSBI_INDEX_BYTE_ORDER,
                             .header_bytes = DSBI_INDEX_PAGE,
                             .entry_bytes = sizeof(dsbi_entry),
                             .n_broken = dataset->broken.total,
                             .n_skipped = dataset->skipped.total,
                             .max_file_bytes = dataset->opts.max_file_bytes,
                             .max_listed = dataset->opts.max_listed,
                             .max_unpacked_bytes = dataset->opts.max_unpacked_bytes,
                             .max_pixels = dataset->opts.max_pixels,
                             .max_blocks = dataset->opts.max_blocks,
                             .max_scans = dataset->opts.max_scans,
                             .verify = dataset->opts.verify,
                             .max_depth = dataset->opts.max_depth,
                             .has_labels = dataset->has_labels};
    memcpy(h->magic, DSBI_INDEX_MAGIC, sizeof h->magic);
    memcpy(h->cause_counts, dataset->cause_counts, sizeof h->cause_counts);
    memcpy(h->digest, dataset->digest, sizeof h->digest);
    const char *texts[] = {dataset->name, dataset->where, dataset->format->name};
    uint64_t *places[] = {&h->name, &h->where, &h->format};
    for (size_t i = 0; i < 3; i++)
        DSBI_TRY(
            dsbi_names_add(dataset->rt, &dataset->names, places[i], texts[i], strlen(texts[i])));
    return DSB_OK;
}

dsb_status dsbi_index_write(dsb_dataset *dataset, const char *path, int64_t started_ns)
{
    writer w = {.at = DSBI_INDEX_PAGE};
    DSBI_TRY(fill_header(&w.head, dataset));
    w.head.started_ns = started_ns;
    distrust_recent(dataset, started_ns);
    dsbi_index_header *h = &w.head;
    dsbi_new_file nowhere = {.rt = dataset->rt, .fd = -1, .status = DSB_E_CANCELLED};
    w.file = nowhere;
    put_regions(&w, dataset);
    h->file_bytes = w.at;
    h->checksum = dsbi_index_sum_of(h, offsetof(dsbi_index_header, checksum));
    uint8_t page[DSBI_INDEX_PAGE] = {0};
    memcpy(page, h, sizeof *h);
    dsbi_new_file_begin(&w.file, dataset->rt, path);
    dsbi_new_file_write(&w.file, page, sizeof page);
    w.at = DSBI_INDEX_PAGE;
    put_regions(&w, dataset);
    return dsbi_new_file_end(&w.file);
}
