/* How a parsed document lies in memory: for the parser and for those who look at values. */
#ifndef DSBI_BASE_JSON_INSIDE_H
#define DSBI_BASE_JSON_INSIDE_H

#include "base/json.h"

enum {
    DSBI_JSON_IS_DOUBLE = 0,
    DSBI_JSON_IS_NEGATIVE = 1,
    DSBI_JSON_IS_UNSIGNED = 2
}; /* how a number is held */

struct dsbi_json_value {
    const char *key; /* NULL for items of arrays and the root */
    uint32_t key_size;
    uint8_t type, number, last; /* last: no sibling follows */
    union {
        double real;
        int64_t negative;
        uint64_t positive;
        bool boolean;
        const char *string;
        uint64_t count; /* of a container */
    } u;
    uint64_t size;  /* string: bytes; else values of the subtree, this one included */
    uint64_t place; /* byte where the key (else the value) begins: for messages while parsing */
};

struct dsbi_json {
    dsb_runtime *rt;
    dsbi_json_value *values;
    size_t n_values, capacity;
    char *strings;
};

#endif
