/* See stretch.h. */
#include "train/stretch.h"

#include "base/memory.h"

enum { TASK_ELEMENTS = 16384 }; /* some 10 us of AdamW */

dsb_status dsbi_stretches_add(dsbi_stretches *s, dsb_runtime *rt, size_t offset, size_t size,
                              float *grads, bool decay)
{
    while (size > 0) {
        size_t part = size < TASK_ELEMENTS ? size : TASK_ELEMENTS;
        DSBI_TRY(dsbi_grow(rt, (void **)&s->items, &s->capacity, s->n_items + 1, sizeof *s->items));
        s->items[s->n_items++] = (dsbi_stretch){offset, part, grads, decay};
        offset += part;
        grads += part;
        size -= part;
    }
    return DSB_OK;
}

static dsb_status close_task(dsbi_stretches *s, dsb_runtime *rt, size_t end)
{
    DSBI_TRY(
        dsbi_grow(rt, (void **)&s->first, &s->first_capacity, s->n_tasks + 2, sizeof *s->first));
    s->first[s->n_tasks++ + 1] = end;
    s->first[0] = 0;
    return DSB_OK;
}

dsb_status dsbi_stretches_group(dsbi_stretches *s, dsb_runtime *rt)
{
    size_t elements = 0;
    for (size_t i = 0; i < s->n_items; i++) {
        elements += s->items[i].size;
        if (elements >= TASK_ELEMENTS || i + 1 == s->n_items) {
            DSBI_TRY(close_task(s, rt, i + 1));
            elements = 0;
        }
    }
    return DSB_OK;
}

void dsbi_stretches_free(dsbi_stretches *s, dsb_runtime *rt)
{
    dsbi_free(rt, s->items);
    dsbi_free(rt, s->first);
    *s = (dsbi_stretches){0};
}
