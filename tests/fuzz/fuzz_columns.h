/* Body of the fuzz entries of tables: any bytes are refused with a sentence, or become columns
 * whose values can all be read; no memory stays behind. */
#ifndef DSBI_TESTS_FUZZ_COLUMNS_H
#define DSBI_TESTS_FUZZ_COLUMNS_H

#include <assert.h>
#include <stdlib.h>
#include "base/memory.h"
#include "fuzz.h"
#include "shift/columns.h"

typedef dsb_status (*fuzz_columns_fn)(dsbi_columns *out, dsbi_words *words, const uint8_t *bytes,
                                      size_t size);

static inline int fuzz_columns(const uint8_t *data, size_t size, fuzz_columns_fn parse)
{
    static dsb_runtime *rt;
    if (!rt && dsb_runtime_create(&rt, NULL) != DSB_OK)
        abort();
    uint64_t before = dsb_runtime_memory(rt);
    dsbi_columns columns;
    dsbi_words words;
    dsbi_columns_init(&columns, rt);
    dsbi_words_init(&words, rt);
    dsb_status status = parse(&columns, &words, data, size);
    assert(status == DSB_OK || dsb_last_error()[0] != '\0');
    for (size_t i = 0; status == DSB_OK && i < columns.n; i++) {
        const dsbi_column *c = &columns.item[i];
        for (size_t k = 0; k < c->n; k++)
            assert(!c->words || !(c->value[k] >= (double)words.n));
        for (size_t k = 0; c->matrix && k < c->n * c->width; k++)
            assert(!(c->matrix[k] == 1) || c->width > 0);
    }
    dsbi_columns_free(&columns);
    dsbi_words_free(&words);
    assert(dsb_runtime_memory(rt) == before);
    return 0;
}

#endif
