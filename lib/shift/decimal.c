/* Decimal numbers as the C locale writes them, whatever locale the program has set. */
#include <locale.h>
#include <stdlib.h>
#include "shift/columns.h"

double dsbi_decimal(const char *text, char **end)
{
    locale_t c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0); /* static in glibc */
    double value = c_locale ? strtod_l(text, end, c_locale) : strtod(text, end);
    if (c_locale)
        freelocale(c_locale);
    return value;
}
