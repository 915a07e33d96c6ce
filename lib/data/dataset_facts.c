/* Looking at an opened collection: names, images, classes, groups, what is broken. */
#include <string.h>
#include "base/opts.h"
#include "base/sha256.h"
#include "data/dataset.h"

_Static_assert(offsetof(dsb_problem, reserved) + sizeof(uint32_t) == sizeof(dsb_problem),
               "no hole at the end of dsb_problem");

const char *dsb_dataset_name(const dsb_dataset *dataset)
{
    return dataset->name;
}

const char *dsb_dataset_where(const dsb_dataset *dataset)
{
    return dataset->where;
}

const char *dsb_dataset_format(const dsb_dataset *dataset)
{
    return dataset->format->name;
}

uint64_t dsb_dataset_count(const dsb_dataset *dataset)
{
    return dataset->entries.n;
}

const dsbi_entry *dsbi_dataset_entry(const dsb_dataset *dataset, uint64_t i)
{
    return dsbi_entries_at(&dataset->entries, i);
}

const char *dsbi_dataset_path(const dsb_dataset *dataset, uint64_t i)
{
    return dsbi_names_get(&dataset->names, dsbi_dataset_entry(dataset, i)->name);
}

char *dsbi_dataset_where_path(const dsb_dataset *dataset)
{
    char *path = dsbi_strdup(dataset->rt, dataset->where);
    if (path)
        path[dataset->where_path] = '\0';
    return path;
}

const char *dsb_dataset_path(const dsb_dataset *dataset, uint64_t i)
{
    return i < dataset->entries.n ? dsbi_dataset_path(dataset, i) : NULL;
}

static dsb_status check_index(const dsb_dataset *dataset, uint64_t i)
{
    if (i < dataset->entries.n)
        return DSB_OK;
    return dsbi_fail(DSB_E_INVALID, "%s: image %llu of %llu", dataset->name, (unsigned long long)i,
                     (unsigned long long)dataset->entries.n);
}

dsb_status dsb_dataset_info(const dsb_dataset *dataset, uint64_t i, dsb_image_info *info)
{
    dsbi_clear_error();
    DSBI_TRY(check_index(dataset, i));
    if (!info || info->struct_size < sizeof info->struct_size || info->struct_size > 65536)
        return dsbi_fail(DSB_E_INVALID, "dsb_dataset_info: call dsb_image_info_init first");
    const dsbi_entry *entry = dsbi_dataset_entry(dataset, i);
    const dsb_image_info facts = {
        .struct_size = sizeof facts,
        .size_bytes = dsbi_entry_size(entry),
        .qtable_hash = entry->qtable_hash,
        .format = entry->format,
        .width = entry->width,
        .height = entry->height,
        .channels = entry->channels,
        .bit_depth = entry->bit_depth,
        .colour = entry->colour,
        .has_alpha = (entry->flags & DSBI_ENTRY_ALPHA) != 0,
        .progressive = (entry->flags & DSBI_ENTRY_PROGRESSIVE) != 0,
        .arithmetic = (entry->flags & DSBI_ENTRY_ARITHMETIC) != 0,
        .sampling = entry->sampling,
        .restart_interval = entry->restart_interval,
        .quality = entry->quality,
        .quality_exact = (entry->flags & DSBI_ENTRY_QUALITY_EXACT) != 0,
        .has_jfif = (entry->flags & DSBI_ENTRY_JFIF) != 0,
        .has_adobe = (entry->flags & DSBI_ENTRY_ADOBE) != 0,
        .has_exif = (entry->flags & DSBI_ENTRY_EXIF) != 0,
        .has_icc = (entry->flags & DSBI_ENTRY_ICC) != 0,
        .exif_orientation = entry->exif_orientation,
        .n_warnings = (entry->flags & DSBI_ENTRY_WARNINGS) != 0,
    };
    dsbi_opts_fill(info, (size_t)info->struct_size, &facts, sizeof facts);
    return DSB_OK;
}

dsb_status dsb_dataset_image(const dsb_dataset *dataset, uint64_t i, dsb_image **out)
{
    dsbi_clear_error();
    if (!out)
        return dsbi_fail(DSB_E_INVALID, "dsb_dataset_image: out is NULL");
    *out = NULL;
    DSBI_TRY(check_index(dataset, i));
    dsbi_image image;
    DSBI_TRY(dsbi_dataset_decode(dataset, dataset->rt, &image, i));
    dsb_status status = dsb_image_create(dataset->rt, out, image.data, image.width, image.height);
    dsbi_image_free(dataset->rt, &image);
    return status;
}

uint32_t dsb_dataset_class_count(const dsb_dataset *dataset)
{
    return (uint32_t)dataset->strata.n;
}

const char *dsb_dataset_class_name(const dsb_dataset *dataset, uint32_t class_id)
{
    if (class_id >= dataset->strata.n)
        return NULL;
    return dsbi_names_get(&dataset->names, dataset->strata.names[class_id]);
}

uint32_t dsb_dataset_group_count(const dsb_dataset *dataset)
{
    return (uint32_t)dataset->group_names.n;
}

const char *dsb_dataset_group_name(const dsb_dataset *dataset, uint32_t group)
{
    return group < dataset->group_names.n
               ? dsbi_names_get(&dataset->names, dataset->group_names.names[group])
               : NULL;
}

uint32_t dsb_dataset_group(const dsb_dataset *dataset, uint64_t i)
{
    const uint32_t *groups = dataset->groups ? dataset->groups : dataset->map_groups;
    return groups && i < dataset->entries.n ? groups[i] : DSBI_NO_GROUP;
}

uint32_t dsb_dataset_has_labels(const dsb_dataset *dataset)
{
    return dataset->has_labels;
}

uint32_t dsb_dataset_class(const dsb_dataset *dataset, uint64_t i)
{
    return i < dataset->entries.n ? dsbi_dataset_entry(dataset, i)->stratum : UINT32_MAX;
}

void dsb_dataset_digest(const dsb_dataset *dataset, uint8_t digest[32])
{
    memcpy(digest, dataset->digest, 32);
}

void dsbi_dataset_fingerprint(const dsb_dataset *dataset, char hex[65])
{
    dsbi_hex(hex, dataset->digest, 32);
}

const char *dsb_cause_name(uint32_t cause)
{
    static const char *const names[DSBI_CAUSE_LAST + 1] = {
        [DSB_CAUSE_EMPTY] = "empty",
        [DSB_CAUSE_NOT_IMAGE] = "not an image",
        [DSB_CAUSE_UNSUPPORTED] = "unsupported",
        [DSB_CAUSE_DAMAGED] = "damaged",
        [DSB_CAUSE_LIMIT] = "over a limit",
        [DSB_CAUSE_UNREADABLE] = "unreadable",
        [DSB_CAUSE_HIDDEN] = "hidden",
        [DSB_CAUSE_OTHER] = "other file",
        [DSB_CAUSE_LINK] = "symbolic link",
        [DSB_CAUSE_SPECIAL] = "special file",
        [DSB_CAUSE_DEPTH] = "folder too deep",
        [DSB_CAUSE_FOLDER] = "unreadable folder",
    };
    return cause <= DSBI_CAUSE_LAST && names[cause] ? names[cause] : "?";
}

void dsb_problem_init(dsb_problem *problem, size_t size)
{
    const dsb_problem empty = {.struct_size = sizeof empty};
    dsbi_opts_fill(problem, size, &empty, sizeof empty);
}

uint64_t dsb_dataset_read_count(const dsb_dataset *dataset)
{
    return atomic_load(&dataset->n_read);
}

uint64_t dsb_dataset_broken_count(const dsb_dataset *dataset)
{
    return dataset->broken.total;
}

uint64_t dsb_dataset_skipped_count(const dsb_dataset *dataset)
{
    return dataset->skipped.total;
}

uint64_t dsb_dataset_cause_count(const dsb_dataset *dataset, uint32_t cause)
{
    return cause <= DSBI_CAUSE_LAST ? dataset->cause_counts[cause] : 0;
}

static dsb_status get_problem(const dsb_dataset *dataset, const dsbi_problems *list, uint64_t i,
                              dsb_problem *out)
{
    dsbi_clear_error();
    if (!out || out->struct_size < sizeof out->struct_size || out->struct_size > 65536)
        return dsbi_fail(DSB_E_INVALID, "dsb_problem: call dsb_problem_init first");
    if (i >= list->n)
        return dsbi_fail(DSB_E_INVALID, "%s: file %llu of %zu listed", dataset->name,
                         (unsigned long long)i, list->n);
    const dsbi_problem *item = &list->items[i];
    const dsb_problem problem = {
        .struct_size = sizeof problem,
        .path = dsbi_names_get(&dataset->names, item->path),
        .message = dsbi_names_get(&dataset->names, item->message),
        .cause = item->cause,
    };
    dsbi_opts_fill(out, (size_t)out->struct_size, &problem, sizeof problem);
    return DSB_OK;
}

dsb_status dsb_dataset_broken(const dsb_dataset *dataset, uint64_t i, dsb_problem *problem)
{
    return get_problem(dataset, &dataset->broken, i, problem);
}

uint64_t dsbi_dataset_write_broken(const dsb_dataset *dataset, dsbi_json_writer *w, uint64_t most)
{
    const uint64_t n = dataset->broken.n < most ? dataset->broken.n : most;
    for (uint64_t i = 0; i < n; i++) {
        dsb_problem problem;
        dsb_problem_init(&problem, sizeof problem);
        dsb_dataset_broken(dataset, i, &problem);
        dsbi_json_begin_flat_object(w);
        dsbi_json_put_string(w, "dataset", dsb_dataset_name(dataset));
        dsbi_json_put_string(w, "path", problem.path);
        dsbi_json_put_string(w, "cause", dsb_cause_name(problem.cause));
        dsbi_json_put_string(w, "message", problem.message);
        dsbi_json_end_object(w);
    }
    return n;
}

dsb_status dsb_dataset_skipped(const dsb_dataset *dataset, uint64_t i, dsb_problem *problem)
{
    return get_problem(dataset, &dataset->skipped, i, problem);
}
