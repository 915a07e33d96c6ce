/* See opts.h. */
#include "base/opts.h"

#include <string.h>

dsb_status dsbi_opts_read(void *ours, size_t our_size, const void *given, const char *what)
{
    if (!given)
        return DSB_OK;
    uint64_t size;
    memcpy(&size, given, sizeof size);
    if (size < sizeof size || size > 65536)
        return dsbi_fail(DSB_E_INVALID, "%s: struct_size is %llu; call the _init function first",
                         what, (unsigned long long)size);
    size_t known = size < our_size ? (size_t)size : our_size;
    const unsigned char *bytes = given;
    for (size_t i = known; i < size; i++)
        if (bytes[i] != 0)
            return dsbi_fail(DSB_E_UNSUPPORTED,
                             "%s: the caller sets a field (byte %zu) this library does not know",
                             what, i);
    memcpy(ours, given, known);
    uint64_t mine = our_size;
    memcpy(ours, &mine, sizeof mine);
    return DSB_OK;
}

void dsbi_opts_fill(void *caller, size_t size, const void *defaults, size_t our_size)
{
    if (!caller || size < sizeof(uint64_t))
        return;
    memset(caller, 0, size);
    memcpy(caller, defaults, size < our_size ? size : our_size);
    uint64_t told = size;
    memcpy(caller, &told, sizeof told);
}
