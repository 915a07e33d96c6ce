/* From candidates to images: every file is read, hashed, its header understood and, if asked, its
 * pixels decoded. Files go to the pool in rounds; what they turn out to be is put together in the
 * order of the listing, so that the index is the same for any number of threads. */
#include "data/dataset.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/event.h"
#include "base/file.h"
#include "base/pool.h"
#include "base/sort.h"
#include "data/index_file.h"
#include "kernels/sha256_blocks.h"

enum { ROUND = 512, DECODED_ROUND = 64, MESSAGE_BYTES = 256, PEEK_BYTES = 4096 };

typedef struct finding {
    uint32_t cause; /* 0: usable */
    char message[MESSAGE_BYTES];
} finding;

typedef struct scan {
    dsb_dataset *dataset;
    uint64_t first;    /* candidate of task 0 */
    finding *findings; /* of a round's images */
} scan;

static bool is_image_format(uint32_t format)
{
    return format > DSB_FORMAT_UNKNOWN && format < DSB_FORMAT_EMPTY;
}

static void say(finding *found, uint32_t cause, const char *message)
{
    found->cause = cause;
    snprintf(found->message, sizeof found->message, "%s", message);
}

/* The file's own fault becomes a finding; the machine's (no memory) stays a failure. */
static dsb_status note_failure(finding *found, dsb_status status, uint32_t format)
{
    uint32_t cause;
    switch (status) {
    case DSB_E_FORMAT:
        cause = DSB_CAUSE_DAMAGED;
        break;
    case DSB_E_UNSUPPORTED:
        cause = is_image_format(format) ? DSB_CAUSE_UNSUPPORTED : DSB_CAUSE_NOT_IMAGE;
        break;
    case DSB_E_LIMIT:
        cause = DSB_CAUSE_LIMIT;
        break;
    case DSB_E_IO:
    case DSB_E_NOTFOUND:
        cause = DSB_CAUSE_UNREADABLE;
        break;
    default:
        return status;
    }
    if (format == DSB_FORMAT_EMPTY)
        cause = DSB_CAUSE_EMPTY;
    say(found, cause, dsb_last_error());
    return DSB_OK;
}

static void fill_entry(dsbi_entry *entry, const dsb_image_info *info)
{
    static const struct {
        size_t field;
        uint16_t flag;
    } flags[] = {
        {offsetof(dsb_image_info, progressive), DSBI_ENTRY_PROGRESSIVE},
        {offsetof(dsb_image_info, arithmetic), DSBI_ENTRY_ARITHMETIC},
        {offsetof(dsb_image_info, has_jfif), DSBI_ENTRY_JFIF},
        {offsetof(dsb_image_info, has_adobe), DSBI_ENTRY_ADOBE},
        {offsetof(dsb_image_info, has_exif), DSBI_ENTRY_EXIF},
        {offsetof(dsb_image_info, has_icc), DSBI_ENTRY_ICC},
        {offsetof(dsb_image_info, has_alpha), DSBI_ENTRY_ALPHA},
        {offsetof(dsb_image_info, quality_exact), DSBI_ENTRY_QUALITY_EXACT},
        {offsetof(dsb_image_info, n_warnings), DSBI_ENTRY_WARNINGS},
    };
    entry->flags = 0;
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        uint32_t value;
        memcpy(&value, (const char *)info + flags[i].field, sizeof value);
        if (value)
            entry->flags = (uint16_t)(entry->flags | flags[i].flag);
    }
    entry->qtable_hash = info->qtable_hash;
    entry->width = info->width;
    entry->height = info->height;
    entry->sampling = info->sampling;
    entry->restart_interval =
        (uint16_t)(info->restart_interval < UINT16_MAX ? info->restart_interval : UINT16_MAX);
    entry->format = info->format & 0xff; /* codecs give no more than the fields hold */
    entry->channels = info->channels & 0xf;
    entry->bit_depth = info->bit_depth & 0x1f;
    entry->colour = info->colour & 0x7;
    entry->quality = info->quality & 0x7f;
    entry->exif_orientation = info->exif_orientation & 0xf;
}

void dsbi_image_digest(const dsb_runtime *rt, uint8_t digest[32], const dsbi_image *image)
{
    uint32_t shape[3] = {image->width, image->height, image->channels};
    dsbi_sha256_state sha;
    dsbi_sha256_init(&sha);
    sha.take = dsbi_sha256_blocks_of(rt);
    dsbi_sha256_update(&sha, shape, sizeof shape);
    dsbi_sha256_update(&sha, image->data, (size_t)shape[0] * shape[1] * shape[2]);
    dsbi_sha256_final(&sha, digest);
}

/* A format without image files: its pixels are hashed. */
static dsb_status scan_pixels(dsb_dataset *dataset, dsbi_entry *entry, const dsbi_member *member,
                              finding *found)
{
    dsb_image_info info;
    dsb_image_info_init(&info, sizeof info);
    dsbi_image image = {0};
    dsb_status status = dataset->format->decode(dataset->state, dataset->rt, &image, &info, member);
    if (status != DSB_OK)
        return note_failure(found, status, DSB_FORMAT_UNKNOWN);
    uint8_t digest[DSBI_SHA256_BYTES];
    dsbi_image_digest(dataset->rt, digest, &image);
    memcpy(entry->hash, digest, sizeof entry->hash);
    info.width = image.width;
    info.height = image.height;
    fill_entry(entry, &info);
    dsbi_image_free(dataset->rt, &image);
    return DSB_OK;
}

/* Files that nobody took for an image need not be read whole to see that they are none. */
static dsb_status is_other_file(const dsb_dataset *dataset, const dsbi_member *member,
                                finding *found, bool *is_other)
{
    *is_other = false;
    if (dsbi_named_like_an_image(member->path) || !dataset->format->peek)
        return DSB_OK;
    uint8_t head[PEEK_BYTES];
    size_t size = sizeof head;
    dsb_status status = dataset->format->peek(dataset->state, head, &size, member);
    if (status != DSB_OK) { /* nothing says it is an image */
        say(found, DSB_CAUSE_OTHER, dsb_last_error());
        *is_other = true;
        return DSB_OK;
    }
    uint32_t format = dsb_image_format(head, size);
    *is_other = !is_image_format(format);
    if (*is_other)
        say(found, DSB_CAUSE_OTHER,
            format == DSB_FORMAT_UNKNOWN ? "not an image file" : dsb_image_format_name(format));
    return DSB_OK;
}

static dsb_status scan_bytes(dsb_dataset *dataset, dsbi_entry *entry, const uint8_t *bytes,
                             size_t size, uint64_t budget, finding *found)
{
    uint8_t digest[32];
    dsbi_sha256_fast(dataset->rt, digest, bytes, size);
    memcpy(entry->hash, digest, sizeof entry->hash);
    dsbi_entry_set_size(entry, size);
    dsb_image_info info;
    dsb_status status = dsbi_image_info_read(dataset->rt, &info, bytes, size);
    if (status == DSB_OK && !dataset->opts.verify)
        status = dsbi_check_header(dataset, &info, size);
    if (status == DSB_OK && dataset->opts.verify) {
        dsbi_image image;
        status = dsbi_decode_bytes(dataset, &image, &info, bytes, size, budget);
        dsbi_image_free(dataset->rt, &image);
    }
    if (status != DSB_OK)
        return note_failure(found, status, info.format);
    fill_entry(entry, &info);
    return DSB_OK;
}

static dsb_status scan_file(dsb_dataset *dataset, dsbi_entry *entry, const dsbi_member *member,
                            finding *found)
{
    bool is_other;
    DSBI_TRY(is_other_file(dataset, member, found, &is_other));
    if (is_other)
        return DSB_OK;
    uint8_t *bytes;
    size_t size;
    uint64_t budget;
    dsb_status status = dsbi_read_member(dataset, dataset->rt, &bytes, &size, member, &budget);
    status = status == DSB_OK ? scan_bytes(dataset, entry, bytes, size, budget, found)
                              : note_failure(found, status, DSB_FORMAT_UNKNOWN);
    dsbi_free(dataset->rt, bytes);
    if (budget)
        dsbi_budget_give(dataset->rt, budget);
    return status;
}

/* Facts of a file that an older index knows and that has not changed since. */
static bool remember(const dsb_dataset *dataset, dsbi_entry *entry, const dsbi_member *member,
                     int64_t mtime_ns)
{
    const dsbi_entry *old = dsbi_index_recall(dataset->memory, member->path, entry, mtime_ns);
    if (!old)
        return false;
    dsbi_entry known = *old;
    known.name = entry->name;
    known.stratum = entry->stratum;
    known.container = entry->container;
    *entry = known;
    return true;
}

static dsb_status scan_task(void *user, size_t task, size_t worker)
{
    (void)worker;
    scan *self = user;
    dsb_dataset *dataset = self->dataset;
    dsbi_entry *entry = dsbi_entries_at(&dataset->entries, self->first + task);
    finding *found = &self->findings[task];
    found->cause = 0;
    dsbi_member member = dsbi_member_of(dataset, entry);
    if (dataset->memory && remember(dataset, entry, &member, dataset->mtimes[self->first + task]))
        return DSB_OK;
    atomic_fetch_add_explicit(&dataset->n_read, 1, memory_order_relaxed);
    if (!dataset->format->read)
        return scan_pixels(dataset, entry, &member, found);
    return scan_file(dataset, entry, &member, found);
}

static void keep(dsb_dataset *dataset, uint64_t from, uint64_t to)
{
    *dsbi_entries_at(&dataset->entries, to) = *dsbi_entries_at(&dataset->entries, from);
    if (dataset->mtimes)
        dataset->mtimes[to] = dataset->mtimes[from];
    if (dataset->groups)
        dataset->groups[to] = dataset->groups[from];
}

/* Keeps the usable ones of a round behind those kept before. */
static dsb_status keep_round(scan *self, size_t n, uint64_t *kept)
{
    dsb_dataset *dataset = self->dataset;
    for (size_t i = 0; i < n; i++) {
        const dsbi_entry *entry = dsbi_entries_at(&dataset->entries, self->first + i);
        const finding *found = &self->findings[i];
        if (found->cause)
            DSBI_TRY(dsbi_dataset_note(dataset, entry->name, found->cause, found->message));
        else
            keep(dataset, self->first + i, (*kept)++);
    }
    return DSB_OK;
}

/* Class folders are those of usable images: numbers anew, in order of first appearance. Labels stay
 * as they are. */
static dsb_status renumber_strata(dsb_dataset *dataset)
{
    if (dataset->has_labels)
        return DSB_OK;
    dsbi_name_set *strata = &dataset->strata;
    uint32_t *numbers =
        dsbi_calloc(dataset->rt, strata->n, sizeof *numbers); /* new + 1, 0 = none */
    if (!numbers)
        return DSB_E_NOMEM;
    uint64_t *names = dsbi_alloc_array(dataset->rt, strata->n, sizeof *names);
    if (!names) {
        dsbi_free(dataset->rt, numbers);
        return DSB_E_NOMEM;
    }
    uint32_t n = 0;
    for (uint64_t i = 0; i < dataset->entries.n; i++) {
        dsbi_entry *entry = dsbi_entries_at(&dataset->entries, i);
        if (!numbers[entry->stratum]) {
            names[n] = strata->names[entry->stratum];
            numbers[entry->stratum] = ++n;
        }
        entry->stratum = numbers[entry->stratum] - 1;
    }
    dsbi_free(dataset->rt, numbers);
    dsbi_name_set_free(dataset->rt, strata); /* nothing is added any more */
    strata->names = names;
    strata->n = n;
    return DSB_OK;
}

static int compare_problems(const void *a, const void *b, void *user)
{
    const dsbi_names *names = user;
    uint64_t x = ((const dsbi_problem *)a)->path, y = ((const dsbi_problem *)b)->path;
    int order = strcmp(dsbi_names_get(names, x), dsbi_names_get(names, y));
    return order ? order : (x > y) - (x < y);
}

static void sort_problems(dsb_dataset *dataset, dsbi_problems *list)
{
    dsbi_sort(list->items, list->n, sizeof *list->items, compare_problems, &dataset->names);
}

static void make_digest(dsb_dataset *dataset)
{
    dsbi_sha256_state sha;
    dsbi_sha256_init(&sha);
    sha.take = dsbi_sha256_blocks_of(dataset->rt);
    for (uint64_t i = 0; i < dataset->entries.n; i++) {
        const dsbi_entry *entry = dsbi_entries_at(&dataset->entries, i);
        const char *path = dsbi_names_get(&dataset->names, entry->name);
        uint8_t size[8];
        for (int b = 0; b < 8; b++)
            size[b] = (uint8_t)(dsbi_entry_size(entry) >> 8 * b);
        dsbi_sha256_update(&sha, path, strlen(path) + 1);
        dsbi_sha256_update(&sha, size, sizeof size);
        dsbi_sha256_update(&sha, entry->hash, sizeof entry->hash);
    }
    dsbi_sha256_final(&sha, dataset->digest);
}

dsb_status dsbi_dataset_scan_listed(dsb_dataset *dataset, dsb_event_fn fn, void *user)
{
    char stage[100];
    snprintf(stage, sizeof stage, "scan %.80s", dataset->name);
    uint64_t n = dataset->entries.n, kept = dataset->n_scanned;
    size_t most = dataset->opts.verify ? DECODED_ROUND : ROUND; /* between two events */
    if (most > n - kept)
        most = (size_t)(n - kept);
    if (dataset->scan_start == 0)
        dataset->scan_start = dsbi_now();
    scan self = {.dataset = dataset, .first = kept};
    self.findings = dsbi_alloc_array(dataset->rt, most, sizeof *self.findings);
    dsb_status status = self.findings ? DSB_OK : DSB_E_NOMEM;
    while (status == DSB_OK && self.first < n) {
        size_t round = n - self.first < most ? (size_t)(n - self.first) : most;
        DSBI_GO(dsbi_parallel(dataset->rt, round, scan_task, &self));
        DSBI_GO(keep_round(&self, round, &kept));
        self.first += round;
        DSBI_GO(dsbi_event_send(fn, user, stage, self.first, n, dataset->scan_start, NAN, ""));
    }
    if (status == DSB_OK) {
        dsbi_entries_truncate(dataset->rt, &dataset->entries, kept);
        dataset->n_scanned = kept;
    }
done:
    dsbi_free(dataset->rt, self.findings);
    return status;
}

dsb_status dsbi_dataset_scan(dsb_dataset *dataset, dsb_event_fn fn, void *user)
{
    DSBI_TRY(dsbi_dataset_scan_listed(dataset, fn, user));
    DSBI_TRY(renumber_strata(dataset));
    sort_problems(dataset, &dataset->broken);
    sort_problems(dataset, &dataset->skipped);
    make_digest(dataset);
    return DSB_OK;
}
