/* See index_file.h. */
#include "data/index_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/file.h"

enum { VERSION = 1, BYTE_ORDER_MARK = 0x01020304, PAGE = 4096, N_CAUSES = DSBI_CAUSE_LAST + 1 };
static const char MAGIC[8] = "dsbx\r\n\x1a\n";
static const int64_t CLOCK_TICK_NS = 20000000; /* file times are no finer than this everywhere */

enum region { ENTRIES, NAMES, TIMES, CLASSES, BROKEN, SKIPPED, WITNESSES, N_REGIONS };

typedef struct header {
    char magic[8];
    uint32_t version, byte_order;
    uint64_t header_bytes, file_bytes, entry_bytes;
    uint64_t counts[N_REGIONS]; /* items; bytes of the names */
    uint64_t n_broken, n_skipped, cause_counts[N_CAUSES];
    uint8_t digest[32];
    uint64_t max_file_bytes, max_listed, max_unpacked_bytes;
    uint32_t verify, max_depth, has_labels, reserved;
    uint64_t name, where, format; /* in the names */
    struct {
        uint64_t offset, size, checksum;
    } regions[N_REGIONS];
    uint64_t checksum; /* of all before it */
} header;
_Static_assert(sizeof(header) <= PAGE, "the header fits a page");

static const size_t item_bytes[N_REGIONS] = {
    [ENTRIES] = sizeof(dsbi_entry),     [NAMES] = 1,
    [TIMES] = sizeof(int64_t),          [CLASSES] = sizeof(uint64_t),
    [BROKEN] = sizeof(dsbi_problem),    [SKIPPED] = sizeof(dsbi_problem),
    [WITNESSES] = sizeof(dsbi_witness),
};

/* ---- checksum ---- */

typedef struct sum {
    uint64_t lanes[4];
    uint64_t size; /* bytes, a multiple of 32 but for the last piece */
} sum;

static void sum_add(sum *s, const void *data, size_t size)
{
    static const uint64_t prime = 0x9e3779b185ebca87u;
    const uint8_t *p = data;
    size_t whole = size / 32 * 32;
    for (size_t i = 0; i < whole; i += 32)
        for (size_t lane = 0; lane < 4; lane++) { /* a bijection of each word: no change is lost */
            uint64_t word;
            memcpy(&word, p + i + 8 * lane, 8);
            s->lanes[lane] = (s->lanes[lane] ^ word) * prime;
            s->lanes[lane] ^= s->lanes[lane] >> 32;
        }
    for (size_t i = whole; i < size; i++)
        s->lanes[i % 4] = (s->lanes[i % 4] ^ p[i]) * prime;
    s->size += size;
}

static uint64_t sum_end(const sum *s)
{
    uint64_t out = s->size;
    for (size_t lane = 0; lane < 4; lane++)
        out = (out ^ s->lanes[lane]) * 0xc2b2ae3d27d4eb4fu + (out >> 29);
    return out;
}

static uint64_t checksum(const void *data, size_t size)
{
    sum s = {{1, 2, 3, 4}, 0};
    sum_add(&s, data, size);
    return sum_end(&s);
}

/* ---- writing ---- */

typedef struct writer {
    dsbi_new_file file;
    header head;
    uint64_t at;
    sum sum;
} writer;

static void begin_region(writer *w, enum region r, uint64_t count)
{
    w->head.counts[r] = count;
    w->head.regions[r].offset = w->at;
    w->head.regions[r].size = count * item_bytes[r];
    w->sum = (sum){{1, 2, 3, 4}, 0};
}

static void put(writer *w, const void *data, size_t size)
{
    dsbi_new_file_write(&w->file, data, size);
    sum_add(&w->sum, data, size);
    w->at += size;
}

static void end_region(writer *w, enum region r)
{
    static const uint8_t zeros[PAGE];
    w->head.regions[r].checksum = sum_end(&w->sum);
    size_t pad = (size_t)((PAGE - w->at % PAGE) % PAGE);
    dsbi_new_file_write(&w->file, zeros, pad);
    w->at += pad;
}

static void put_region(writer *w, enum region r, const void *items, uint64_t count)
{
    begin_region(w, r, count);
    put(w, items, count * item_bytes[r]);
    end_region(w, r);
}

static void put_regions(writer *w, const dsb_dataset *dataset)
{
    const dsbi_entries *entries = &dataset->entries;
    begin_region(w, ENTRIES, entries->n);
    for (uint64_t i = 0; i < entries->n; i += DSBI_ENTRY_SEGMENT) {
        uint64_t n = entries->n - i < DSBI_ENTRY_SEGMENT ? entries->n - i : DSBI_ENTRY_SEGMENT;
        put(w, dsbi_entries_at(entries, i), n * sizeof(dsbi_entry));
    }
    end_region(w, ENTRIES);
    const dsbi_names *names = &dataset->names;
    size_t n = names->n_segments;
    begin_region(w, NAMES, n ? (n - 1) * DSBI_NAME_SEGMENT + names->used : 0);
    for (size_t s = 0; s < n; s++)
        put(w, names->segments[s], s + 1 < n ? DSBI_NAME_SEGMENT : names->used);
    end_region(w, NAMES);
    put_region(w, TIMES, dataset->mtimes, entries->n);
    put_region(w, CLASSES, dataset->strata.names, dataset->strata.n);
    put_region(w, BROKEN, dataset->broken.items, dataset->broken.n);
    put_region(w, SKIPPED, dataset->skipped.items, dataset->skipped.n);
    put_region(w, WITNESSES, dataset->witnesses.items, dataset->witnesses.n);
}

/* What changed while or just before the listing may change again without another time. */
static void distrust_recent(dsb_dataset *dataset, int64_t started_ns)
{
    for (size_t i = 0; i < dataset->witnesses.n; i++)
        if (dataset->witnesses.items[i].mtime_ns > started_ns - CLOCK_TICK_NS)
            dataset->witnesses.items[i].mtime_ns = -1;
    for (uint64_t i = 0; i < dataset->entries.n; i++)
        if (dataset->mtimes[i] > started_ns - CLOCK_TICK_NS)
            dataset->mtimes[i] = -1;
}

static dsb_status fill_header(header *h, dsb_dataset *dataset)
{
    *h = (header){.version = VERSION,
                  .byte_order = BYTE_ORDER_MARK,
                  .header_bytes = PAGE,
                  .entry_bytes = sizeof(dsbi_entry),
                  .n_broken = dataset->broken.total,
                  .n_skipped = dataset->skipped.total,
                  .max_file_bytes = dataset->opts.max_file_bytes,
                  .max_listed = dataset->opts.max_listed,
                  .max_unpacked_bytes = dataset->opts.max_unpacked_bytes,
                  .verify = dataset->opts.verify,
                  .max_depth = dataset->opts.max_depth,
                  .has_labels = dataset->has_labels};
    memcpy(h->magic, MAGIC, sizeof h->magic);
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
    writer w = {.at = PAGE};
    DSBI_TRY(fill_header(&w.head, dataset));
    distrust_recent(dataset, started_ns);
    /* the header comes first in the file and is known last: a first round only counts and sums */
    header *h = &w.head;
    dsbi_new_file nowhere = {.rt = dataset->rt, .fd = -1, .status = DSB_E_CANCELLED};
    w.file = nowhere;
    put_regions(&w, dataset);
    h->file_bytes = w.at;
    h->checksum = checksum(h, offsetof(header, checksum));
    uint8_t page[PAGE] = {0};
    memcpy(page, h, sizeof *h);
    dsbi_new_file_begin(&w.file, dataset->rt, path);
    dsbi_new_file_write(&w.file, page, sizeof page);
    w.at = PAGE;
    put_regions(&w, dataset);
    return dsbi_new_file_end(&w.file);
}

/* ---- loading ---- */

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
    if (fstat(fd, &facts) != 0 || !S_ISREG(facts.st_mode) || facts.st_size < PAGE) {
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

static dsb_status check_header(const header *h, size_t file_bytes)
{
    if (memcmp(h->magic, MAGIC, sizeof h->magic) != 0)
        return damaged("no index: other first bytes");
    if (h->version != VERSION || h->byte_order != BYTE_ORDER_MARK ||
        h->entry_bytes != sizeof(dsbi_entry))
        return dsbi_fail(DSB_E_UNSUPPORTED, "an index of version %u for another machine or library",
                         h->version);
    if (h->checksum != checksum(h, offsetof(header, checksum)))
        return damaged("its header fails its checksum");
    if (h->file_bytes != file_bytes)
        return dsbi_fail(DSB_E_FORMAT, "%zu bytes where its header says %llu: it was cut",
                         file_bytes, (unsigned long long)h->file_bytes);
    return DSB_OK;
}

static dsb_status check_regions(const header *h, const uint8_t *map, size_t file_bytes)
{
    for (size_t r = 0; r < N_REGIONS; r++) {
        uint64_t offset = h->regions[r].offset, size = h->regions[r].size, needed;
        if (__builtin_mul_overflow(h->counts[r], (uint64_t)item_bytes[r], &needed) ||
            size != needed || offset % PAGE || offset > file_bytes || size > file_bytes - offset)
            return dsbi_fail(DSB_E_FORMAT, "region %zu lies beyond the file", r);
        if (h->regions[r].checksum != checksum(map + offset, (size_t)size))
            return dsbi_fail(DSB_E_FORMAT, "region %zu fails its checksum", r);
    }
    bool are_counts_sound = h->counts[TIMES] == h->counts[ENTRIES] &&
                            h->counts[ENTRIES] < UINT32_MAX && h->counts[CLASSES] <= UINT32_MAX &&
                            h->counts[BROKEN] <= h->n_broken && h->counts[SKIPPED] <= h->n_skipped;
    return are_counts_sound ? DSB_OK : damaged("its counts contradict each other");
}

/* Every string ends before its segment does. */
static dsb_status check_names(const header *h, const uint8_t *names)
{
    uint64_t size = h->counts[NAMES];
    for (uint64_t end = DSBI_NAME_SEGMENT; end <= size; end += DSBI_NAME_SEGMENT)
        if (names[end - 1])
            return damaged("a name without an end");
    if (size == 0 || names[size - 1] || h->name >= size || h->where >= size || h->format >= size)
        return damaged("a name without an end");
    return DSB_OK;
}

static dsb_status check_numbers(const header *h, const uint8_t *map)
{
    uint64_t names = h->counts[NAMES], n_classes = h->counts[CLASSES], bad = 0;
    const dsbi_entry *entries = (const dsbi_entry *)(map + h->regions[ENTRIES].offset);
    for (uint64_t i = 0; i < h->counts[ENTRIES]; i++)
        bad += entries[i].name >= names || entries[i].stratum >= n_classes;
    const uint64_t *classes = (const uint64_t *)(map + h->regions[CLASSES].offset);
    for (uint64_t i = 0; i < n_classes; i++)
        bad += classes[i] >= names;
    for (size_t r = BROKEN; r <= SKIPPED; r++) {
        const dsbi_problem *problems = (const dsbi_problem *)(map + h->regions[r].offset);
        for (uint64_t i = 0; i < h->counts[r]; i++)
            bad += problems[i].path >= names || problems[i].message >= names ||
                   problems[i].cause > DSBI_CAUSE_LAST;
    }
    uint32_t n_containers = 0;
    const dsbi_witness *witnesses = (const dsbi_witness *)(map + h->regions[WITNESSES].offset);
    for (uint64_t i = 0; i < h->counts[WITNESSES]; i++) {
        bad += witnesses[i].path >= names || witnesses[i].kind < 1 || witnesses[i].kind > 3;
        n_containers += witnesses[i].kind == DSBI_WITNESS_CONTAINER;
    }
    for (uint64_t i = 0; n_containers && i < h->counts[ENTRIES]; i++)
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

static dsb_status check_subject(const dsb_dataset *dataset, const header *h, const char *names)
{
    if (strcmp(names + h->where, dataset->where) != 0)
        return dsbi_fail(DSB_E_STATE, "an index of \"%s\"", names + h->where);
    const dsb_dataset_opts *o = &dataset->opts;
    if (h->max_file_bytes != o->max_file_bytes || h->max_listed != o->max_listed ||
        h->max_unpacked_bytes != o->max_unpacked_bytes || h->verify != o->verify ||
        h->max_depth != o->max_depth)
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
static dsb_status take(dsb_dataset *d, const header *h)
{
    dsb_runtime *rt = d->rt;
    uint8_t *map = d->map;
    uint64_t n = h->counts[ENTRIES], n_names = h->counts[NAMES];
    size_t n_entry = (size_t)((n + DSBI_ENTRY_SEGMENT - 1) / DSBI_ENTRY_SEGMENT);
    size_t n_name = (size_t)((n_names + DSBI_NAME_SEGMENT - 1) / DSBI_NAME_SEGMENT);
    d->entries.segments = dsbi_alloc_array(rt, n_entry, sizeof *d->entries.segments);
    d->names.segments = dsbi_alloc_array(rt, n_name, sizeof *d->names.segments);
    if (!d->entries.segments || !d->names.segments)
        return DSB_E_NOMEM;
    dsbi_entry *entries = (dsbi_entry *)(map + h->regions[ENTRIES].offset);
    for (size_t s = 0; s < n_entry; s++)
        d->entries.segments[s] = entries + s * DSBI_ENTRY_SEGMENT;
    for (size_t s = 0; s < n_name; s++)
        d->names.segments[s] = (char *)map + h->regions[NAMES].offset + s * DSBI_NAME_SEGMENT;
    d->entries.n = n;
    d->entries.n_segments = n_entry;
    d->names.n_segments = n_name;
    d->names.used = n_names - (n_name - 1) * DSBI_NAME_SEGMENT;
    d->map_times = (const int64_t *)(map + h->regions[TIMES].offset);
    const uint8_t *at = map + h->regions[CLASSES].offset;
    d->strata.n = (size_t)h->counts[CLASSES];
    DSBI_TRY(copy_items(rt, &d->strata.names, at, d->strata.n, sizeof *d->strata.names));
    d->broken.n = (size_t)h->counts[BROKEN];
    at = map + h->regions[BROKEN].offset;
    DSBI_TRY(copy_items(rt, &d->broken.items, at, d->broken.n, sizeof *d->broken.items));
    d->skipped.n = (size_t)h->counts[SKIPPED];
    at = map + h->regions[SKIPPED].offset;
    DSBI_TRY(copy_items(rt, &d->skipped.items, at, d->skipped.n, sizeof *d->skipped.items));
    d->witnesses.n = (size_t)h->counts[WITNESSES];
    at = map + h->regions[WITNESSES].offset;
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
    const header *h = dataset->map; /* a page is there; mapped pages are aligned */
    DSBI_GO(check_header(h, dataset->map_bytes));
    DSBI_GO(check_regions(h, map, dataset->map_bytes));
    const uint8_t *names = map + h->regions[NAMES].offset;
    DSBI_GO(check_names(h, names));
    DSBI_GO(check_numbers(h, map));
    DSBI_GO(check_subject(dataset, h, (const char *)names));
    status = take(dataset, h);
    if (status == DSB_OK)
        dataset->index_format = find_format((const char *)names + h->format);
done:
    return dsbi_fail_at(status, "%s", path);
}

void dsbi_index_seal(void *bytes, size_t size)
{
    header *h = bytes;
    if (size < sizeof *h)
        return;
    h->file_bytes = size;
    for (size_t r = 0; r < N_REGIONS; r++) {
        const uint64_t offset = h->regions[r].offset, n = h->regions[r].size;
        if (offset <= size && n <= size - offset)
            h->regions[r].checksum = checksum((const uint8_t *)bytes + offset, (size_t)n);
    }
    h->checksum = checksum(h, offsetof(header, checksum));
}

/* ---- witnesses ---- */

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

/* ---- memory of unchanged files ---- */

struct dsbi_index_memory {
    const dsb_dataset *dataset;
    uint32_t *slots; /* entry + 1, open addressing by path; [n_slots], a power of two */
    size_t n_slots;
};

static uint64_t hash_of(const char *text)
{
    uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */
    for (; *text; text++)
        hash = (hash ^ (uint8_t)*text) * 0x100000001b3u;
    return hash ^ hash >> 32;
}

dsb_status dsbi_index_memory_create(dsb_runtime *rt, dsbi_index_memory **out,
                                    const dsb_dataset *dataset)
{
    *out = NULL;
    dsbi_index_memory *self = dsbi_calloc(rt, 1, sizeof *self);
    if (!self)
        return DSB_E_NOMEM;
    self->dataset = dataset;
    for (self->n_slots = 64; self->n_slots < 2 * dataset->entries.n; self->n_slots *= 2)
        ;
    self->slots = dsbi_calloc(rt, self->n_slots, sizeof *self->slots);
    if (!self->slots) {
        dsbi_free(rt, self);
        return DSB_E_NOMEM;
    }
    for (uint64_t i = 0; i < dataset->entries.n; i++) {
        size_t at = hash_of(dsbi_dataset_path(dataset, i)) & (self->n_slots - 1);
        while (self->slots[at])
            at = (at + 1) & (self->n_slots - 1);
        self->slots[at] = (uint32_t)i + 1;
    }
    *out = self;
    return DSB_OK;
}

void dsbi_index_memory_free(dsbi_index_memory *self)
{
    if (!self)
        return;
    dsb_runtime *rt = self->dataset->rt;
    dsbi_free(rt, self->slots);
    dsbi_free(rt, self);
}

const dsbi_entry *dsbi_index_recall(const dsbi_index_memory *self, const char *path,
                                    const dsbi_entry *candidate, int64_t mtime_ns)
{
    size_t at = hash_of(path) & (self->n_slots - 1);
    for (; self->slots[at]; at = (at + 1) & (self->n_slots - 1)) {
        uint32_t i = self->slots[at] - 1;
        const dsbi_entry *old = dsbi_dataset_entry(self->dataset, i);
        if (self->dataset->map_times[i] == mtime_ns && mtime_ns >= 0 &&
            dsbi_entry_size(old) == dsbi_entry_size(candidate) &&
            old->locator == candidate->locator &&
            strcmp(dsbi_dataset_path(self->dataset, i), path) == 0)
            return old;
    }
    return NULL;
}
