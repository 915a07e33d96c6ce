/* See scratch.h. */
#include "base/scratch.h"

void *dsbi_scratch(dsb_runtime *rt, size_t worker, dsbi_scratch_slot slot, size_t size_bytes)
{
    dsbi_scratch_block *block = &rt->scratch[worker][slot];
    if (block->size_bytes < size_bytes) {
        void *grown = dsbi_alloc(rt, size_bytes);
        if (!grown)
            return NULL;
        dsbi_free(rt, block->memory);
        *block = (dsbi_scratch_block){grown, size_bytes};
    }
    return block->memory;
}

dsb_status dsbi_scratch_reserve(dsb_runtime *rt, dsbi_scratch_slot slot, size_t size_bytes)
{
    if (atomic_load(&rt->scratch_reserved[slot]))
        return DSB_OK;
    dsb_status status = DSB_OK;
    pthread_mutex_lock(&rt->scratch_lock);
    if (!atomic_load(&rt->scratch_reserved[slot])) {
        for (size_t worker = 0; worker < rt->n_threads && status == DSB_OK; worker++)
            if (!dsbi_scratch(rt, worker, slot, size_bytes))
                status = DSB_E_NOMEM;
        atomic_store(&rt->scratch_reserved[slot], status == DSB_OK);
    }
    pthread_mutex_unlock(&rt->scratch_lock);
    return status;
}

void dsbi_scratch_free_all(dsb_runtime *rt)
{
    for (size_t worker = 0; worker <= DSBI_SCRATCH_CALLER; worker++)
        for (size_t slot = 0; slot < DSBI_SCRATCH_SLOTS; slot++)
            dsbi_free(rt, rt->scratch[worker][slot].memory);
}
