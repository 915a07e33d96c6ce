/* An old index as memory of unchanged files, by path. */
#include <string.h>
#include "data/index_file.h"

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
