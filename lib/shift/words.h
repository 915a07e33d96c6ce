/* Numbers for words: class names, item names, model names. The first word met is 0. */
#ifndef DSBI_SHIFT_WORDS_H
#define DSBI_SHIFT_WORDS_H

#include <stddef.h>
#include <stdint.h>
#include "base/runtime.h"

typedef struct dsbi_words {
    dsb_runtime *rt;
    char **word; /* [n] */
    size_t n, capacity;
    uint32_t *slot; /* [n_slots] word number + 1, 0 = free */
    size_t n_slots;
} dsbi_words;

void dsbi_words_init(dsbi_words *words, dsb_runtime *rt);
void dsbi_words_free(dsbi_words *words);
/* Number of the word, added if it is new. DSB_E_NOMEM, DSB_E_LIMIT. */
dsb_status dsbi_words_add(dsbi_words *words, size_t *number, const char *text, size_t size);
/* Number of the word or SIZE_MAX. */
size_t dsbi_words_find(const dsbi_words *words, const char *text, size_t size);

#endif
