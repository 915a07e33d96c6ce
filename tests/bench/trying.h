/* A call of a benchmark that must not fail. */
#ifndef DSBI_TESTS_TRYING_H
#define DSBI_TESTS_TRYING_H

#include <stdio.h>
#include <stdlib.h>
#include "dsbias/base.h"

#define TRY(call)                                                 \
    do {                                                          \
        if ((call) < 0) {                                         \
            fprintf(stderr, "%s: %s\n", #call, dsb_last_error()); \
            exit(1);                                              \
        }                                                         \
    } while (0)

#endif
