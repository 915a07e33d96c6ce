/* Open addressing, linear probing, at most half full. */
#include "shift/words.h"

#include <string.h>

void dsbi_words_init(dsbi_words *words, dsb_runtime *rt)
{
    *words = (dsbi_words){.rt = rt};
}

void dsbi_words_free(dsbi_words *words)
{
    for (size_t i = 0; i < words->n; i++)
        dsbi_free(words->rt, words->word[i]);
    dsbi_free(words->rt, words->word);
    dsbi_free(words->rt, words->slot);
    *words = (dsbi_words){.rt = words->rt};
}

static uint64_t hash_of(const char *text, size_t size)
{ /* FNV-1a, finished with a mixing step: the table takes the low bits */
    uint64_t h = 14695981039346656037u;
    for (size_t i = 0; i < size; i++)
        h = (h ^ (unsigned char)text[i]) * 1099511628211u;
    return (h ^ h >> 29) * 0xbf58476d1ce4e5b9u ^ h >> 32;
}

static size_t probe(const dsbi_words *words, const char *text, size_t size, size_t *found)
{
    size_t mask = words->n_slots - 1, at = (size_t)hash_of(text, size) & mask;
    for (;; at = (at + 1) & mask) {
        if (words->slot[at] == 0) {
            *found = SIZE_MAX;
            break;
        }
        const char *word = words->word[words->slot[at] - 1];
        if (strncmp(word, text, size) == 0 && word[size] == '\0') {
            *found = words->slot[at] - 1;
            break;
        }
    }
    return at;
}

size_t dsbi_words_find(const dsbi_words *words, const char *text, size_t size)
{
    size_t found;
    if (words->n_slots == 0 || memchr(text, 0, size))
        return SIZE_MAX;
    probe(words, text, size, &found);
    return found;
}

static dsb_status grow_slots(dsbi_words *words)
{
    size_t n_slots = words->n_slots ? 2 * words->n_slots : 64;
    uint32_t *slot = dsbi_calloc(words->rt, n_slots, sizeof *slot);
    if (!slot)
        return DSB_E_NOMEM;
    dsbi_free(words->rt, words->slot);
    words->slot = slot;
    words->n_slots = n_slots;
    for (size_t i = 0; i < words->n; i++) {
        size_t found, at = probe(words, words->word[i], strlen(words->word[i]), &found);
        slot[at] = (uint32_t)i + 1;
    }
    return DSB_OK;
}

dsb_status dsbi_words_add(dsbi_words *words, size_t *number, const char *text, size_t size)
{
    if (memchr(text, 0, size))
        return dsbi_fail(DSB_E_FORMAT, "a name with a zero byte inside");
    if (words->n >= UINT32_MAX / 4)
        return dsbi_fail(DSB_E_LIMIT, "more than 2^30 different names");
    if (2 * (words->n + 1) > words->n_slots)
        DSBI_TRY(grow_slots(words));
    size_t found, at = probe(words, text, size, &found);
    if (found != SIZE_MAX) {
        *number = found;
        return DSB_OK;
    }
    void *list = words->word;
    DSBI_TRY(dsbi_grow(words->rt, &list, &words->capacity, words->n + 1, sizeof *words->word));
    words->word = list;
    char *copy = dsbi_alloc(words->rt, size + 1);
    if (!copy)
        return DSB_E_NOMEM;
    memcpy(copy, text, size);
    copy[size] = '\0';
    words->word[words->n] = copy;
    words->slot[at] = (uint32_t)words->n + 1;
    *number = words->n++;
    return DSB_OK;
}
