/* The index of a collection while it grows: entries in segments, files left out, class folders. */
#include "data/dataset.h"

#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include "base/event.h"
#include "data/group_pattern.h"
#include "data/index_file.h"
#include "data/listing.h"

dsb_status dsbi_entries_add(dsb_runtime *rt, dsbi_entries *entries, const dsbi_entry *entry)
{
    if (entries->n == UINT32_MAX)
        return dsbi_fail(DSB_E_LIMIT, "more than %u images in one collection", UINT32_MAX);
    if (entries->n == (uint64_t)entries->n_segments * DSBI_ENTRY_SEGMENT) {
        void *segments = entries->segments;
        DSBI_TRY(dsbi_grow(rt, &segments, &entries->capacity, entries->n_segments + 1,
                           sizeof *entries->segments));
        entries->segments = segments;
        dsbi_entry *segment = dsbi_alloc_array(rt, DSBI_ENTRY_SEGMENT, sizeof *segment);
        if (!segment)
            return DSB_E_NOMEM;
        entries->segments[entries->n_segments++] = segment;
    }
    *dsbi_entries_at(entries, entries->n++) = *entry;
    return DSB_OK;
}

void dsbi_entries_truncate(dsb_runtime *rt, dsbi_entries *entries, uint64_t n)
{
    entries->n = n;
    while ((uint64_t)entries->n_segments * DSBI_ENTRY_SEGMENT >= n + DSBI_ENTRY_SEGMENT)
        dsbi_free(rt, entries->segments[--entries->n_segments]);
    if (n == 0) {
        dsbi_free(rt, entries->segments);
        *entries = (dsbi_entries){0};
    }
}

dsb_status dsbi_dataset_note(dsb_dataset *dataset, uint64_t path, uint32_t cause,
                             const char *message)
{
    bool is_skipped = cause >= DSBI_CAUSE_FIRST_SKIPPED;
    dsbi_problems *list = is_skipped ? &dataset->skipped : &dataset->broken;
    list->total++;
    dataset->cause_counts[cause]++;
    if (list->n >= dataset->opts.max_listed)
        return DSB_OK;
    void *items = list->items;
    DSBI_TRY(dsbi_grow(dataset->rt, &items, &list->capacity, list->n + 1, sizeof *list->items));
    list->items = items;
    dsbi_problem problem = {.path = path, .cause = cause};
    DSBI_TRY(dsbi_names_add(dataset->rt, &dataset->names, &problem.message, message,
                            strnlen(message, DSBI_NAME_MAX - 1)));
    list->items[list->n++] = problem;
    return DSB_OK;
}

dsb_status dsbi_dataset_witness(dsb_dataset *dataset, uint32_t kind, const char *path,
                                uint64_t size_bytes, int64_t mtime_ns)
{
    if (!dataset->is_indexed)
        return DSB_OK;
    dsbi_witnesses *list = &dataset->witnesses;
    void *items = list->items;
    DSBI_TRY(dsbi_grow(dataset->rt, &items, &list->capacity, list->n + 1, sizeof *list->items));
    list->items = items;
    dsbi_witness *witness = &list->items[list->n];
    *witness = (dsbi_witness){.size_bytes = size_bytes, .mtime_ns = mtime_ns, .kind = kind};
    DSBI_TRY(dsbi_names_add(dataset->rt, &dataset->names, &witness->path, path, strlen(path)));
    list->n++;
    return DSB_OK;
}

dsb_status dsbi_listing_witness(dsbi_listing *listing, uint32_t kind, const char *path,
                                uint64_t size_bytes, int64_t mtime_ns)
{
    return dsbi_dataset_witness(listing->dataset, kind, path, size_bytes, mtime_ns);
}

dsb_status dsbi_listing_witness_file(dsbi_listing *listing, const char *path)
{
    struct stat facts;
    if (stat(path, &facts) != 0)
        return DSB_OK; /* opening it says why */
    return dsbi_listing_witness(listing, DSBI_WITNESS_FILE, path, (uint64_t)facts.st_size,
                                (int64_t)facts.st_mtim.tv_sec * 1000000000 + facts.st_mtim.tv_nsec);
}

const dsb_dataset_opts *dsbi_listing_opts(const dsbi_listing *listing)
{
    return &listing->dataset->opts;
}

dsb_runtime *dsbi_listing_runtime(const dsbi_listing *listing)
{
    return listing->dataset->rt;
}

dsb_status dsbi_listing_name(dsbi_listing *listing, const char *name, size_t size)
{
    dsb_dataset *dataset = listing->dataset;
    if (dataset->name)
        return DSB_OK;
    dataset->name = dsbi_alloc(dataset->rt, size + 1);
    if (!dataset->name)
        return DSB_E_NOMEM;
    memcpy(dataset->name, name, size);
    dataset->name[size] = '\0';
    return DSB_OK;
}

dsb_status dsbi_listing_leave_out(dsbi_listing *listing, const char *path, uint32_t cause,
                                  const char *message)
{
    if (listing->is_mute)
        return DSB_OK;
    dsb_dataset *dataset = listing->dataset;
    uint64_t name = 0;
    const dsbi_problems *list =
        cause >= DSBI_CAUSE_FIRST_SKIPPED ? &dataset->skipped : &dataset->broken;
    if (list->n < dataset->opts.max_listed)
        DSBI_TRY(dsbi_names_add(dataset->rt, &dataset->names, &name, path, strlen(path)));
    return dsbi_dataset_note(dataset, name, cause, message);
}

void dsbi_listing_labelled(dsbi_listing *listing)
{
    listing->dataset->has_labels = true;
}

dsb_status dsbi_listing_class(dsbi_listing *listing, const char *name, size_t size)
{
    dsb_dataset *dataset = listing->dataset;
    dsbi_name_set *classes = &dataset->strata;
    void *names = classes->names;
    DSBI_TRY(
        dsbi_grow(dataset->rt, &names, &classes->capacity, classes->n + 1, sizeof *classes->names));
    classes->names = names;
    return dsbi_names_add(dataset->rt, &dataset->names, &classes->names[classes->n++], name, size);
}

/* Number of the group of the newest entry; the array begins with the first group there is. */
static dsb_status add_group(dsb_dataset *dataset, const char *group, size_t size)
{
    if (!group && !dataset->groups)
        return DSB_OK;
    uint64_t n = dataset->entries.n;
    uint64_t first = dataset->groups ? n - 1 : 0;
    void *groups = dataset->groups;
    DSBI_TRY(
        dsbi_grow(dataset->rt, &groups, &dataset->groups_capacity, n, sizeof *dataset->groups));
    dataset->groups = groups;
    for (uint64_t i = first; i < n; i++)
        dataset->groups[i] = DSBI_NO_GROUP;
    if (!group)
        return DSB_OK;
    return dsbi_name_set_add(dataset->rt, &dataset->group_names, &dataset->names,
                             &dataset->groups[n - 1], group, size);
}

static dsb_status find_group(dsbi_listing *listing, const dsbi_member *member)
{
    const char *group = member->group;
    size_t size = group ? strlen(group) : 0;
    if (listing->groups_by_path &&
        !dsbi_group_pattern_match(listing->groups_by_path, member->path, &group, &size))
        group = NULL;
    return add_group(listing->dataset, group, size);
}

dsb_status dsbi_listing_scan(dsbi_listing *listing, const dsbi_format *format, void *state)
{
    dsb_dataset *dataset = listing->dataset;
    DSBI_TRY(dsbi_options_check(listing, format));
    dataset->format = format; /* lent: opening has not ended */
    dataset->state = state;
    dsb_status status = dsbi_dataset_scan_listed(dataset, listing->fn, listing->user);
    dataset->format = NULL;
    dataset->state = NULL;
    return status;
}

dsb_status dsbi_listing_add(dsbi_listing *listing, const dsbi_member *member)
{
    enum { EVENT_EVERY = 4096 };
    if (listing->is_mute)
        return DSB_OK;
    dsb_dataset *dataset = listing->dataset;
    const char *class_path = member->class_path ? member->class_path : member->path;
    const char *slash = strrchr(class_path, '/');
    size_t folder = slash ? (size_t)(slash - class_path) : 0;
    if (member->container >= DSBI_ENTRY_MAX_CONTAINERS)
        return dsbi_fail(DSB_E_LIMIT, "more than %d containers", DSBI_ENTRY_MAX_CONTAINERS);
    dsbi_entry entry = {.locator = member->locator,
                        .stratum = member->class_id,
                        .container = member->container & 0xffffff};
    dsbi_entry_set_size(&entry, member->size_bytes);
    if (!dataset->has_labels)
        DSBI_TRY(dsbi_name_set_add(dataset->rt, &dataset->strata, &dataset->names, &entry.stratum,
                                   class_path, folder));
    DSBI_TRY(dsbi_names_add(dataset->rt, &dataset->names, &entry.name, member->path,
                            strlen(member->path)));
    DSBI_TRY(dsbi_entries_add(dataset->rt, &dataset->entries, &entry));
    DSBI_TRY(find_group(listing, member));
    if (dataset->is_indexed) {
        void *times = dataset->mtimes;
        DSBI_TRY(dsbi_grow(dataset->rt, &times, &dataset->n_mtimes, dataset->entries.n,
                           sizeof *dataset->mtimes));
        dataset->mtimes = times;
        dataset->mtimes[dataset->entries.n - 1] = member->mtime_ns;
    }
    if (dataset->entries.n % EVENT_EVERY)
        return DSB_OK;
    return dsbi_event_send(listing->fn, listing->user, listing->stage, dataset->entries.n, 0,
                           listing->start, NAN, "");
}
