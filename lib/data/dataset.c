/* Opening a collection: its format, its index, its options. What can be asked of it then is in
 * dataset_facts.c. */
#include "data/dataset.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include "base/file.h"
#include "base/opts.h"
#include "data/group_pattern.h"
#include "data/index_file.h"
#include "data/listing.h"

_Static_assert(offsetof(dsb_dataset_opts, reserved) + sizeof(uint32_t) == sizeof(dsb_dataset_opts),
               "no hole at the end of dsb_dataset_opts");

static const dsb_dataset_opts defaults = {
    .struct_size = sizeof(dsb_dataset_opts),
    .max_file_bytes = (uint64_t)128 << 20,
    .max_listed = 65536,
    .verify = 1,
    .max_depth = 32,
    .max_unpacked_bytes = (uint64_t)16 << 30,
    .max_pixels = 178956970, /* those of dsbi_decode_limits_default */
    .max_blocks = (uint64_t)32 << 20,
    .max_scans = 100,
};

void dsb_dataset_opts_init(dsb_dataset_opts *opts, size_t size)
{
    dsbi_opts_fill(opts, size, &defaults, sizeof defaults);
}

static dsb_status check_opts(const dsb_dataset_opts *opts)
{
    if (opts->max_file_bytes == 0 || opts->max_file_bytes >= DSBI_ENTRY_MAX_SIZE)
        return dsbi_fail(DSB_E_INVALID, "dsb_dataset_opts: max_file_bytes is %llu",
                         (unsigned long long)opts->max_file_bytes);
    if (opts->max_unpacked_bytes == 0 || opts->max_unpacked_bytes > INT64_MAX)
        return dsbi_fail(DSB_E_INVALID, "dsb_dataset_opts: max_unpacked_bytes is %llu",
                         (unsigned long long)opts->max_unpacked_bytes);
    if (opts->max_pixels == 0 || opts->max_blocks == 0 || opts->max_scans == 0 || opts->reserved)
        return dsbi_fail(DSB_E_INVALID,
                         "dsb_dataset_opts: max_pixels is %llu, max_blocks %llu, max_scans %u, all "
                         ">= 1; reserved is %u, 0",
                         (unsigned long long)opts->max_pixels, (unsigned long long)opts->max_blocks,
                         opts->max_scans, opts->reserved);
    if (opts->verify > 1)
        return dsbi_fail(DSB_E_INVALID, "dsb_dataset_opts: verify is %u, 0 or 1", opts->verify);
    if (opts->max_depth > 1000)
        return dsbi_fail(DSB_E_INVALID, "dsb_dataset_opts: max_depth is %u, at most 1000",
                         opts->max_depth);
    return DSB_OK;
}

/* "NAME=WHERE": '=' before any of '/', ':' and '?'. */
static dsb_status parse_spec(dsb_dataset *dataset, const char *spec)
{
    size_t length = strcspn(spec, "=/:?");
    const char *where = spec;
    if (spec[length] == '=' && length > 0) {
        dataset->name = dsbi_alloc(dataset->rt, length + 1);
        if (!dataset->name)
            return DSB_E_NOMEM;
        memcpy(dataset->name, spec, length);
        dataset->name[length] = '\0';
        where = spec + length + 1;
    }
    if (where[0] == '\0' || spec[0] == '=')
        return dsbi_fail(DSB_E_INVALID, "\"%s\": a collection is written PATH or NAME=PATH", spec);
    dataset->where = dsbi_strdup(dataset->rt, where);
    return dataset->where ? DSB_OK : DSB_E_NOMEM;
}

static const dsbi_format *find_by_name(const char *name)
{
    for (const dsbi_format *const *format = dsbi_format_table; *format; format++)
        if (strcmp((*format)->name, name) == 0)
            return *format;
    return NULL;
}

static const dsbi_format *find_by_content(const dsbi_origin *origin)
{
    const dsbi_format *best = NULL;
    int best_score = 0;
    for (const dsbi_format *const *format = dsbi_format_table; *format; format++) {
        int score = (*format)->probe(origin);
        if (score > best_score) {
            best = *format;
            best_score = score;
        }
    }
    return best;
}

static dsb_status find_format(dsbi_listing *listing, const dsbi_origin *origin,
                              const dsbi_format **out)
{
    const char *wanted = dsbi_listing_option(listing, "format");
    *out = wanted ? find_by_name(wanted) : find_by_content(origin);
    bool is_there = origin->kind != DSBI_ORIGIN_NONE || (*out && (*out)->probe(origin) > 0);
    if (*out && is_there)
        return DSB_OK;
    if (wanted && !*out)
        return dsbi_fail(DSB_E_NOTFOUND, "there is no format \"%s\"", wanted);
    return dsbi_fail(origin->kind == DSBI_ORIGIN_NONE ? DSB_E_NOTFOUND : DSB_E_UNSUPPORTED,
                     "%s: %s", origin->where,
                     origin->kind == DSBI_ORIGIN_NONE
                         ? "no such file or folder"
                         : "neither a folder of images nor a file of a format that is read; "
                           "?format=NAME behind it makes that format say what is wrong");
}

/* Classes of members are declared ones. */
static dsb_status check_classes(const dsb_dataset *dataset)
{
    for (uint64_t i = 0; i < dataset->entries.n; i++)
        if (dsbi_dataset_entry(dataset, i)->stratum >= dataset->strata.n)
            return dsbi_fail(DSB_E_INTERNAL, "%s: image %llu has class %u of %zu",
                             dataset->format->name, (unsigned long long)i,
                             dsbi_dataset_entry(dataset, i)->stratum, dataset->strata.n);
    return DSB_OK;
}

static dsb_status list(dsb_dataset *dataset, dsbi_listing *listing, const dsbi_origin *origin)
{
    const dsbi_format *format;
    DSBI_TRY(find_format(listing, origin, &format));
    DSBI_TRY(format->open(dataset->rt, &dataset->state, listing, origin));
    dataset->format = format; /* from here on `free` closes it */
    DSBI_TRY(dsbi_options_check(listing, format));
    if (!dataset->name)
        DSBI_TRY(dsbi_listing_origin_name(listing, origin));
    return check_classes(dataset);
}

/* Where "?key=value" begins; the end of the text if it names something that is there as it is, or
 * has a scheme ("synthetic:...") and reads its options itself. */
static size_t path_length(const char *where)
{
    size_t length = strcspn(where, "?"),
           scheme = strspn(where, "abcdefghijklmnopqrstuvwxyz0123456789");
    bool is_whole = (scheme > 0 && where[scheme] == ':') || access(where, F_OK) == 0;
    return is_whole ? strlen(where) : length;
}

static dsb_status list_and_scan(dsb_dataset *dataset, dsbi_listing *listing)
{
    dsbi_origin origin;
    DSBI_TRY(dsbi_origin_look(dataset->rt, &origin, dataset->where, dataset->where_path));
    dsb_status status = list(dataset, listing, &origin);
    dsbi_origin_free(dataset->rt, &origin);
    return status == DSB_OK ? dsbi_dataset_scan(dataset, listing->fn, listing->user) : status;
}

/* An empty collection of the same place and options, to load an index into. */
static dsb_status create_like(const dsb_dataset *dataset, dsb_dataset **out)
{
    dsb_dataset *twin = dsbi_calloc(dataset->rt, 1, sizeof *twin);
    *out = twin;
    if (!twin)
        return DSB_E_NOMEM;
    atomic_init(&twin->references, 1);
    twin->rt = dataset->rt;
    dsbi_runtime_retain(twin->rt);
    twin->opts = dataset->opts;
    twin->checks_files = dataset->checks_files;
    twin->checks_folders = dataset->checks_folders;
    twin->where_path = dataset->where_path;
    twin->where = dsbi_strdup(twin->rt, dataset->where);
    if (twin->where && dataset->name)
        twin->name = dsbi_strdup(twin->rt, dataset->name);
    return twin->where && (twin->name || !dataset->name) ? DSB_OK : DSB_E_NOMEM;
}

/* The index as it is, if nothing changed since; *is_done. Else what it remembers, for the scan. */
static dsb_status try_index(dsb_dataset *dataset, const char *path, dsb_dataset **old,
                            bool *is_done)
{
    *is_done = false;
    DSBI_TRY(create_like(dataset, old));
    dsb_status status = dsbi_index_load(*old, path);
    if (status == DSB_OK && dsbi_index_is_current(*old)) {
        status = (*old)->index_format->reopen(dataset->rt, &(*old)->state, *old);
        if (status == DSB_OK) {
            (*old)->format = (*old)->index_format;
            *is_done = dsbi_index_files_are_current(*old);
            if (*is_done)
                return DSB_OK;
        }
    }
    if (status == DSB_E_NOMEM)
        return status;
    bool is_new = status == DSB_E_NOTFOUND;
    dsbi_log(dataset->rt, status == DSB_OK || is_new ? DSB_LOG_INFO : DSB_LOG_WARN, "data",
             "%s: %s: %s", status == DSB_OK || is_new ? "scanning" : "the index is made anew", path,
             dsb_last_error());
    if (status != DSB_OK) {
        dsb_dataset_free(*old);
        *old = NULL;
    }
    return DSB_OK;
}

dsb_status dsbi_dataset_open_mute(dsb_runtime *rt, void **state, const dsb_dataset *dataset)
{
    dsb_dataset *twin; /* takes what is declared: classes, witnesses */
    dsbi_origin origin;
    dsb_status status = create_like(dataset, &twin);
    if (status != DSB_OK) {
        dsb_dataset_free(twin);
        return status;
    }
    dsbi_listing listing = {.dataset = twin, .stage = "", .is_mute = true};
    status = dsbi_origin_look(rt, &origin, twin->where, twin->where_path);
    if (status == DSB_OK) {
        if (twin->where[twin->where_path] == '?')
            status = dsbi_options_parse(&listing, twin->where + twin->where_path + 1);
        if (status == DSB_OK)
            status = dataset->index_format->open(rt, state, &listing, &origin);
        dsbi_origin_free(rt, &origin);
    }
    dsbi_options_free(&listing);
    dsb_dataset_free(twin);
    return status;
}

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Everything but references, of which each has one. */
static void take_over(dsb_dataset *dataset, dsb_dataset *twin)
{
    dsb_dataset empty = *dataset;
    *dataset = *twin;
    *twin = empty;
}

static dsb_status open_indexed(dsb_dataset *dataset, dsbi_listing *listing, const char *path)
{
    int64_t started_ns = now_ns();
    dsb_dataset *old = NULL;
    dsbi_index_memory *memory = NULL;
    bool is_done = false;
    dsb_status status;
    DSBI_GO(try_index(dataset, path, &old, &is_done));
    if (is_done) {
        take_over(dataset, old);
        goto done;
    }
    if (old)
        DSBI_GO(dsbi_index_memory_create(dataset->rt, &memory, old));
    dataset->is_indexed = true;
    dataset->memory = memory;
    DSBI_GO(list_and_scan(dataset, listing));
    if (!dataset->format->reopen)
        DSBI_GO(dsbi_fail(DSB_E_UNSUPPORTED, "option index: format %s opens without one",
                          dataset->format->name));
    status = dsbi_fail_at(dsbi_index_write(dataset, path, started_ns), "index %s", path);
done:
    dataset->memory = NULL;
    dsbi_index_memory_free(memory);
    dsb_dataset_free(old);
    return status;
}

/* Options that are the same for all formats. How much a reopening looks at is no part of what the
 * collection is: an index is good for either. */
static dsb_status read_general_options(dsbi_listing *listing, bool is_indexed)
{
    static const char *const words[] = {"", "files", "folders", NULL};
    dsb_dataset *dataset = listing->dataset;
    size_t check;
    DSBI_TRY(dsbi_listing_choice(listing, &check, "check", words));
    if (check && !is_indexed)
        return dsbi_fail(DSB_E_INVALID, "option check means nothing without option index");
    dataset->checks_files = check == 1;
    dataset->checks_folders = check == 2;
    dsbi_options_drop(dataset->where, dataset->where_path, "check");
    for (size_t i = 0; i < listing->n_options; i++) { /* a key or column is the format's own */
        const char *value = listing->options[i].value;
        if (strcmp(listing->options[i].key, "group") != 0 || !dsbi_is_group_pattern(value))
            continue;
        DSBI_TRY(dsbi_group_pattern_check(value));
        listing->groups_by_path = dsbi_listing_option(listing, "group");
    }
    return DSB_OK;
}

static dsb_status open_and_scan(dsb_dataset *dataset, const char *spec, dsb_event_fn fn, void *user)
{
    DSBI_TRY(parse_spec(dataset, spec));
    dsbi_listing listing = {
        .dataset = dataset, .fn = fn, .user = user, .stage = "list files", .start = dsbi_now()};
    size_t length = dataset->where_path = path_length(dataset->where);
    dsb_status status = DSB_OK;
    if (dataset->where[length] == '?')
        status = dsbi_options_parse(&listing, dataset->where + length + 1);
    const char *index = dsbi_listing_option(&listing, "index");
    if (status == DSB_OK)
        status = read_general_options(&listing, index != NULL);
    if (status == DSB_OK)
        status = index ? open_indexed(dataset, &listing, index) : list_and_scan(dataset, &listing);
    dsbi_options_free(&listing);
    return status;
}

dsb_status dsb_dataset_open(dsb_runtime *rt, dsb_dataset **out, const char *spec,
                            const dsb_dataset_opts *given, dsb_event_fn fn, void *user)
{
    dsbi_clear_error();
    if (!rt || !out || !spec)
        return dsbi_fail(DSB_E_INVALID, "dsb_dataset_open: runtime, out or spec is NULL");
    *out = NULL;
    dsb_dataset_opts opts = defaults;
    DSBI_TRY(dsbi_opts_read(&opts, sizeof opts, given, "dsb_dataset_opts"));
    DSBI_TRY(check_opts(&opts));
    dsb_dataset *dataset = dsbi_calloc(rt, 1, sizeof *dataset);
    if (!dataset)
        return DSB_E_NOMEM;
    atomic_init(&dataset->references, 1);
    dataset->rt = rt;
    dataset->opts = opts;
    dsbi_runtime_retain(rt);
    dsb_status status = open_and_scan(dataset, spec, fn, user);
    if (status != DSB_OK) {
        dsb_dataset_free(dataset);
        return status;
    }
    dsbi_clear_error(); /* sentences of broken files are in the list */
    *out = dataset;
    return DSB_OK;
}

void dsbi_dataset_retain(const dsb_dataset *dataset)
{
    atomic_fetch_add(&((dsb_dataset *)(uintptr_t)dataset)->references, 1);
}

void dsb_dataset_free(dsb_dataset *dataset)
{
    if (!dataset || atomic_fetch_sub(&dataset->references, 1) != 1)
        return;
    dsb_runtime *rt = dataset->rt;
    if (dataset->format)
        dataset->format->close(rt, dataset->state);
    if (dataset->map) {
        munmap(dataset->map, dataset->map_bytes); /* segments lie in it */
        dsbi_free(rt, dataset->entries.segments);
        dsbi_free(rt, dataset->names.segments);
    } else {
        dsbi_entries_truncate(rt, &dataset->entries, 0);
        dsbi_names_free(rt, &dataset->names);
    }
    dsbi_name_set_free(rt, &dataset->strata);
    dsbi_name_set_free(rt, &dataset->group_names);
    dsbi_free(rt, dataset->groups);
    dsbi_free(rt, dataset->mtimes);
    dsbi_free(rt, dataset->witnesses.items);
    dsbi_free(rt, dataset->broken.items);
    dsbi_free(rt, dataset->skipped.items);
    dsbi_free(rt, dataset->name);
    dsbi_free(rt, dataset->where);
    dsbi_free(rt, dataset);
    dsbi_runtime_release(rt);
}
