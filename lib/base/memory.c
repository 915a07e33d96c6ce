/* Allocation through the runtime's allocator, counted. A header in front of each block remembers
 * its size, so that the count is exact whatever allocator the caller brings. */
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "base/runtime.h"

typedef struct block_head {
    uint64_t size_bytes;
} block_head;

static void *no_memory(size_t size_bytes)
{
    dsbi_fail(DSB_E_NOMEM, "out of memory: %zu bytes asked for", size_bytes);
    return NULL;
}

static void note_alloc(dsb_runtime *rt, uint64_t size_bytes)
{
    atomic_fetch_add_explicit(&rt->alloc_count, 1, memory_order_relaxed);
    uint64_t now =
        atomic_fetch_add_explicit(&rt->bytes_now, size_bytes, memory_order_relaxed) + size_bytes;
    uint64_t peak = atomic_load_explicit(&rt->bytes_peak, memory_order_relaxed);
    while (now > peak &&
           !atomic_compare_exchange_weak_explicit(&rt->bytes_peak, &peak, now, memory_order_relaxed,
                                                  memory_order_relaxed)) {
    }
}

/* Large blocks ask for large pages, which Linux gives on request: a training step walks through
 * hundreds of megabytes, and pages of 4 KiB cost it a few per cent (docs/performance.md). */
static void *from_system(size_t size_bytes)
{
    enum { LARGE_PAGE = 2 << 20, LARGE_BLOCK = 2 * LARGE_PAGE };
    if (size_bytes < LARGE_BLOCK)
        return aligned_alloc(DSBI_ALIGN, size_bytes);
    void *block;
    if (posix_memalign(&block, LARGE_PAGE, size_bytes) != 0)
        return NULL;
#ifdef MADV_HUGEPAGE
    madvise(block, size_bytes, MADV_HUGEPAGE); /* advice: refused where there are none */
#endif
    return block;
}

void *dsbi_alloc(dsb_runtime *rt, size_t size_bytes)
{
    size_t total; /* a whole alignment unit in front keeps the payload aligned */
    if (!dsbi_add(&total, size_bytes, 2 * DSBI_ALIGN))
        return no_memory(size_bytes);
    total = total / DSBI_ALIGN * DSBI_ALIGN;
    unsigned char *block =
        rt->alloc ? rt->alloc(rt->alloc_user, total, DSBI_ALIGN) : from_system(total);
    if (!block)
        return no_memory(size_bytes);
    block_head head = {total};
    memcpy(block, &head, sizeof head);
    note_alloc(rt, total);
    return block + DSBI_ALIGN;
}

void *dsbi_alloc_array(dsb_runtime *rt, size_t count, size_t item_bytes)
{
    size_t size;
    if (!dsbi_mul(&size, count, item_bytes)) {
        dsbi_fail(DSB_E_LIMIT, "size overflow: %zu items of %zu bytes", count, item_bytes);
        return NULL;
    }
    return dsbi_alloc(rt, size);
}

void *dsbi_calloc(dsb_runtime *rt, size_t count, size_t item_bytes)
{
    void *memory = dsbi_alloc_array(rt, count, item_bytes);
    if (memory)
        memset(memory, 0, count * item_bytes);
    return memory;
}

void *dsbi_realloc_array(dsb_runtime *rt, void *old, size_t old_count, size_t new_count,
                         size_t item_bytes)
{
    void *grown = dsbi_alloc_array(rt, new_count, item_bytes);
    if (!grown)
        return NULL;
    size_t kept = old_count < new_count ? old_count : new_count;
    if (old && kept)
        memcpy(grown, old, kept * item_bytes);
    dsbi_free(rt, old);
    return grown;
}

dsb_status dsbi_grow(dsb_runtime *rt, void **array, size_t *capacity, size_t needed,
                     size_t item_bytes)
{
    if (needed <= *capacity)
        return DSB_OK;
    size_t wanted = *capacity < 8 ? 16 : *capacity * 2;
    if (wanted < needed)
        wanted = needed;
    void *grown = dsbi_realloc_array(rt, *array, *capacity, wanted, item_bytes);
    if (!grown)
        return DSB_E_NOMEM;
    *array = grown;
    *capacity = wanted;
    return DSB_OK;
}

void dsbi_free(dsb_runtime *rt, void *pointer)
{
    if (!pointer)
        return;
    unsigned char *block = (unsigned char *)pointer - DSBI_ALIGN;
    block_head head;
    memcpy(&head, block, sizeof head);
    atomic_fetch_sub_explicit(&rt->bytes_now, head.size_bytes, memory_order_relaxed);
    if (rt->free)
        rt->free(rt->alloc_user, block);
    else
        free(block);
}

char *dsbi_strdup(dsb_runtime *rt, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = dsbi_alloc(rt, size);
    if (copy)
        memcpy(copy, text, size);
    return copy;
}
