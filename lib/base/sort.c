/* See sort.h. */
#include "base/sort.h"

#include <assert.h>
#include <string.h>

typedef struct heap {
    char *items;
    size_t item_bytes;
    dsbi_compare_fn compare;
    void *user;
} heap;

/* Puts `value` where it belongs below `hole`. Goes down along the larger children to a leaf first
 * and then up: half the comparisons of the usual way, since the value comes from a leaf. */
static void sift(const heap *h, size_t hole, size_t n_items, const char *value)
{
    size_t top = hole, size = h->item_bytes;
    for (size_t child; (child = 2 * hole + 1) < n_items; hole = child) {
        if (child + 1 < n_items &&
            h->compare(h->items + child * size, h->items + (child + 1) * size, h->user) < 0)
            child++;
        memcpy(h->items + hole * size, h->items + child * size, size);
    }
    while (hole > top) {
        size_t parent = (hole - 1) / 2;
        if (h->compare(h->items + parent * size, value, h->user) >= 0)
            break;
        memcpy(h->items + hole * size, h->items + parent * size, size);
        hole = parent;
    }
    memcpy(h->items + hole * size, value, size);
}

void dsbi_sort(void *items, size_t n_items, size_t item_bytes, dsbi_compare_fn compare, void *user)
{
    assert(item_bytes <= DSBI_SORT_ITEM_MAX);
    heap h = {items, item_bytes, compare, user};
    char value[DSBI_SORT_ITEM_MAX];
    for (size_t i = n_items / 2; i > 0; i--) {
        memcpy(value, h.items + (i - 1) * item_bytes, item_bytes);
        sift(&h, i - 1, n_items, value);
    }
    for (size_t n = n_items; n > 1; n--) { /* the largest goes behind the shrinking heap */
        memcpy(value, h.items + (n - 1) * item_bytes, item_bytes);
        memcpy(h.items + (n - 1) * item_bytes, h.items, item_bytes);
        sift(&h, 0, n - 1, value);
    }
}
