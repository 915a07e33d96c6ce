/* See event.h. */
#include "base/event.h"

#include "base/file.h"

dsb_status dsbi_event_send(dsb_event_fn fn, void *user, const char *stage, uint64_t done,
                           uint64_t total, double start, double value, const char *value_name)
{
    if (!fn)
        return DSB_OK;
    const dsb_event event = {
        .struct_size = sizeof event,
        .stage = stage,
        .done = done,
        .total = total,
        .seconds = dsbi_now() - start,
        .value = value,
        .value_name = value_name,
    };
    if (fn(user, &event) == 0)
        return DSB_OK;
    return dsbi_fail(DSB_E_CANCELLED, "%s: stopped by the caller after %llu of %llu", stage,
                     (unsigned long long)done, (unsigned long long)total);
}
