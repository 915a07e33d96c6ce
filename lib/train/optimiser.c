/* See optimiser.h. */
#include "train/optimiser.h"

#include <string.h>

const dsbi_optimiser *dsbi_optimiser_find(const char *name)
{
    for (const dsbi_optimiser *const *o = dsbi_optimiser_table; *o; o++)
        if (strcmp((*o)->name, name) == 0)
            return *o;
    return NULL;
}
