/* Loading an index: mapped, and nothing in it believed before it is checked. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "data/index_layout.h"

static dsb_status damaged(const char *what)
{
    return dsbi_fail(DSB_E_FORMAT, "%s", what);
}

static dsb_status map_file(dsb_dataset *dataset, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat facts;
    if (fd < 0)
        return dsbi_fail(errno == ENOENT ? DSB_E_NOTFOUND : DSB_E_IO, "%s", strerror(errno));
    dsb_status status = DSB_OK;
    if (fstat(fd, &facts) != 0 || !S_ISREG(facts.st_mode) || facts.st_size < DSBI_INDEX_PAGE) {
        status = damaged("no index: too short, or no file");
    } else {
        void *map = mmap(NULL, (size_t)facts.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (map == MAP_FAILED)
            status = dsbi_fail(DSB_E_IO, "cannot map: %s", strerror(errno));
        else {
            dataset->map = map;
            dataset->map_bytes = (size_t)facts.st_size;
        }
    }
    close(fd);
    return status;
}

static dsb_status check_header(const dsbi_index_header *h, size_t file_bytes)
{
    if (memcmp(h->magic, DSBI_INDEX_MAGIC, sizeof h->magic) != 0)
        return damaged("no index: other first bytes");
    if (h->version != DSBI_INDEX_VERSION || h->byte_order != DSBI_INDEX_BYTE_ORDER ||
        h->entry_bytes != sizeof(dsbi_entry))
        return dsbi_fail(DSB_E_UNSUPPORTED, "an index of version %u for another machine or library",
                         h->version);
    if (h->checksum != dsbi_index_sum_of(h, offsetof(dsbi_index_header, checksum)))
        return damaged("its header fails its checksum");
    if (h->file_bytes != file_bytes)
        return dsbi_fail(DSB_E_FORMAT, "%zu bytes where its header says %llu: it was cut",
                         file_bytes, (unsigned long long)h->file_bytes);
    return DSB_OK;
}

static dsb_status check_regions(dsb_runtime *rt, const dsbi_index_header *h, const uint8_t *map,
                                size_t file_bytes)
{
    for (size_t r = 0; r < DSBI_N_REGIONS; r++) {
        uint64_t offset = h->regions[r].offset, size = h->regions[r].size, needed;
        if (__builtin_mul_overflow(h->counts[r], (uint64_t)dsbi_region_item_bytes[r], &needed) ||
            size != needed || offset % DSBI_INDEX_PAGE || offset > file_bytes ||
            size > file_bytes - offset)
            return dsbi_fail(DSB_E_FORMAT, "region %zu lies beyond the file", r);
        uint64_t found;
        DSBI_TRY(dsbi_index_sum_all(rt, &found, map + offset, (size_t)size));
        if (h->regions[r].checksum != found)
            return dsbi_fail(DSB_E_FORMAT, "region %zu fails its checksum", r);
    }
    uint64_t n_groups = h->counts[DSBI_REGION_GROUPS];
    bool are_counts_sound = h->counts[DSBI_REGION_TIMES] == h->counts[DSBI_REGION_ENTRIES] &&
                            (n_groups == 0 || n_groups == h->counts[DSBI_REGION_ENTRIES]) &&
                            h->counts[DSBI_REGION_GROUP_NAMES] <= UINT32_MAX &&
                            h->counts[DSBI_REGION_ENTRIES] < UINT32_MAX &&
                            h->counts[DSBI_REGION_CLASSES] <= UINT32_MAX &&
                            h->counts[DSBI_REGION_BROKEN] <= h->n_broken &&
                            h->counts[DSBI_REGION_SKIPPED] <= h->n_skipped;
    return are_counts_sound ? DSB_OK : damaged("its counts contradict each other");
}

/* Every string ends before its segment does. */
static dsb_status check_names(const dsbi_index_header *h, const uint8_t *names)
{
    uint64_t size = h->counts[DSBI_REGION_NAMES];
    for (uint64_t end = DSBI_NAME_SEGMENT; end <= size; end += DSBI_NAME_SEGMENT)
        if (names[end - 1])
            return damaged("a name without an end");
    if (size == 0 || names[size - 1] || h->name >= size || h->where >= size || h->format >= size)
        return damaged("a name without an end");
    return DSB_OK;
}

static dsb_status check_numbers(const dsbi_index_header *h, const uint8_t *map)
{
    uint64_t names = h->counts[DSBI_REGION_NAMES], n_classes = h->counts[DSBI_REGION_CLASSES],
             bad = 0;
    const dsbi_entry *entries = (const dsbi_entry *)(map + h->regions[DSBI_REGION_ENTRIES].offset);
    for (uint64_t i = 0; i < h->counts[DSBI_REGION_ENTRIES]; i++)
        bad += entries[i].name >= names || entries[i].stratum >= n_classes;
    const uint64_t *classes = (const uint64_t *)(map + h->regions[DSBI_REGION_CLASSES].offset);
    for (uint64_t i = 0; i < n_classes; i++)
        bad += classes[i] >= names;
    const uint32_t *groups = (const uint32_t *)(map + h->regions[DSBI_REGION_GROUPS].offset);
    uint64_t n_group_names = h->counts[DSBI_REGION_GROUP_NAMES];
    for (uint64_t i = 0; i < h->counts[DSBI_REGION_GROUPS]; i++)
        bad += groups[i] >= n_group_names && groups[i] != DSBI_NO_GROUP;
    const uint64_t *group_names =
        (const uint64_t *)(map + h->regions[DSBI_REGION_GROUP_NAMES].offset);
    for (uint64_t i = 0; i < n_group_names; i++)
        bad += group_names[i] >= names;
    for (size_t r = DSBI_REGION_BROKEN; r <= DSBI_REGION_SKIPPED; r++) {
        const dsbi_problem *problems = (const dsbi_problem *)(map + h->regions[r].offset);
        for (uint64_t i = 0; i < h->counts[r]; i++)
            bad += problems[i].path >= names || problems[i].message >= names ||
                   problems[i].cause > DSBI_CAUSE_LAST;
    }
    uint32_t n_containers = 0;
    const dsbi_witness *witnesses =
        (const dsbi_witness *)(map + h->regions[DSBI_REGION_WITNESSES].offset);
    for (uint64_t i = 0; i < h->counts[DSBI_REGION_WITNESSES]; i++) {
        bad += witnesses[i].path >= names || witnesses[i].kind < 1 || witnesses[i].kind > 3;
        n_containers += witnesses[i].kind == DSBI_WITNESS_CONTAINER;
    }
    for (uint64_t i = 0; n_containers && i < h->counts[DSBI_REGION_ENTRIES]; i++)
        bad += entries[i].container >= n_containers;
    return bad ? damaged("numbers that lead nowhere") : DSB_OK;
}

static const dsbi_format *find_format(const char *name)
{
    for (const dsbi_format *const *format = dsbi_format_table; *format; format++)
        if (strcmp((*format)->name, name) == 0 && (*format)->reopen)
            return *format;
    return NULL;
}

static dsb_status check_subject(const dsb_dataset *dataset, const dsbi_index_header *h,
                                const char *names)
{
    if (strcmp(names + h->where, dataset->where) != 0)
        return dsbi_fail(DSB_E_STATE, "an index of \"%s\"", names + h->where);
    const dsb_dataset_opts *o = &dataset->opts;
    if (h->max_file_bytes != o->max_file_bytes || h->max_listed != o->max_listed ||
        h->max_unpacked_bytes != o->max_unpacked_bytes || h->verify != o->verify ||
        h->max_depth != o->max_depth || h->max_pixels != o->max_pixels ||
        h->max_blocks != o->max_blocks || h->max_scans != o->max_scans)
        return dsbi_fail(DSB_E_STATE, "made with other options");
    if (!find_format(names + h->format))
        return dsbi_fail(DSB_E_STATE, "of format \"%s\"", names + h->format);
    return DSB_OK;
}

static dsb_status copy_items(dsb_runtime *rt, void *out, const uint8_t *from, uint64_t n,
                             size_t bytes)
{
    void *copy = dsbi_alloc_array(rt, n, bytes);
    if (!copy)
        return DSB_E_NOMEM;
    memcpy(copy, from, n * bytes);
    memcpy(out, &copy, sizeof copy); /* a pointer to any kind of item */
    return DSB_OK;
}

/* Points the collection's segments into the map; short lists are copied. */
static dsb_status take(dsb_dataset *d, const dsbi_index_header *h)
{
    dsb_runtime *rt = d->rt;
    uint8_t *map = d->map;
    uint64_t n = h->counts[DSBI_REGION_ENTRIES], n_names = h->counts[DSBI_REGION_NAMES];
    size_t n_entry = (size_t)((n + DSBI_ENTRY_SEGMENT - 1) / DSBI_ENTRY_SEGMENT);
    size_t n_name = (size_t)((n_names + DSBI_NAME_SEGMENT - 1) / DSBI_NAME_SEGMENT);
    d->entries.segments = dsbi_alloc_array(rt, n_entry, sizeof *d->entries.segments);
    d->names.segments = dsbi_alloc_array(rt, n_name, sizeof *d->names.segments);
    if (!d->entries.segments || !d->names.segments)
        return DSB_E_NOMEM;
    dsbi_entry *entries = (dsbi_entry *)(map + h->regions[DSBI_REGION_ENTRIES].offset);
    for (size_t s = 0; s < n_entry; s++)
        d->entries.segments[s] = entries + s * DSBI_ENTRY_SEGMENT;
    for (size_t s = 0; s < n_name; s++)
        d->names.segments[s] =
            (char *)map + h->regions[DSBI_REGION_NAMES].offset + s * DSBI_NAME_SEGMENT;
    d->entries.n = n;
    d->entries.n_segments = n_entry;
    d->names.n_segments = n_name;
    d->names.used = n_names - (n_name - 1) * DSBI_NAME_SEGMENT;
    d->map_times = (const int64_t *)(map + h->regions[DSBI_REGION_TIMES].offset);
    const uint8_t *at = map + h->regions[DSBI_REGION_CLASSES].offset;
    d->strata.n = (size_t)h->counts[DSBI_REGION_CLASSES];
    DSBI_TRY(copy_items(rt, &d->strata.names, at, d->strata.n, sizeof *d->strata.names));
    if (h->counts[DSBI_REGION_GROUPS])
        d->map_groups = (const uint32_t *)(map + h->regions[DSBI_REGION_GROUPS].offset);
    at = map + h->regions[DSBI_REGION_GROUP_NAMES].offset;
    d->group_names.n = (size_t)h->counts[DSBI_REGION_GROUP_NAMES];
    DSBI_TRY(
        copy_items(rt, &d->group_names.names, at, d->group_names.n, sizeof *d->group_names.names));
    d->started_ns = h->started_ns;
    d->broken.n = (size_t)h->counts[DSBI_REGION_BROKEN];
    at = map + h->regions[DSBI_REGION_BROKEN].offset;
    DSBI_TRY(copy_items(rt, &d->broken.items, at, d->broken.n, sizeof *d->broken.items));
    d->skipped.n = (size_t)h->counts[DSBI_REGION_SKIPPED];
    at = map + h->regions[DSBI_REGION_SKIPPED].offset;
    DSBI_TRY(copy_items(rt, &d->skipped.items, at, d->skipped.n, sizeof *d->skipped.items));
    d->witnesses.n = (size_t)h->counts[DSBI_REGION_WITNESSES];
    at = map + h->regions[DSBI_REGION_WITNESSES].offset;
    DSBI_TRY(copy_items(rt, &d->witnesses.items, at, d->witnesses.n, sizeof *d->witnesses.items));
    d->broken.total = h->n_broken;
    d->skipped.total = h->n_skipped;
    memcpy(d->cause_counts, h->cause_counts, sizeof d->cause_counts);
    memcpy(d->digest, h->digest, sizeof d->digest);
    d->has_labels = h->has_labels != 0;
    if (!d->name)
        d->name = dsbi_strdup(rt, dsbi_names_get(&d->names, h->name));
    return d->name ? DSB_OK : DSB_E_NOMEM;
}

dsb_status dsbi_index_load(dsb_dataset *dataset, const char *path)
{
    dsb_status status;
    DSBI_GO(map_file(dataset, path));
    const uint8_t *map = dataset->map;
    const dsbi_index_header *h = dataset->map; /* a page is there; mapped pages are aligned */
    DSBI_GO(check_header(h, dataset->map_bytes));
    DSBI_GO(check_regions(dataset->rt, h, map, dataset->map_bytes));
    const uint8_t *names = map + h->regions[DSBI_REGION_NAMES].offset;
    DSBI_GO(check_names(h, names));
    DSBI_GO(check_numbers(h, map));
    DSBI_GO(check_subject(dataset, h, (const char *)names));
    status = take(dataset, h);
    if (status == DSB_OK)
        dataset->index_format = find_format((const char *)names + h->format);
done:
    return dsbi_fail_at(status, "%s", path);
}
