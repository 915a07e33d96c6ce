/* Status names and the thread-local sentence. */
#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MESSAGE_BYTES = 4096 };
static _Thread_local char message[MESSAGE_BYTES];

const char *dsb_last_error(void)
{
    return message;
}

void dsbi_clear_error(void)
{
    message[0] = '\0';
}

dsb_status dsbi_fail(dsb_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return status;
}

dsb_status dsbi_fail_text(dsb_status status, const char *text)
{
    return dsbi_fail(status, "%s", text);
}

dsb_status dsbi_fail_at(dsb_status status, const char *format, ...)
{
    if (status >= 0)
        return status;
    char rest[MESSAGE_BYTES];
    memcpy(rest, message, sizeof rest);
    va_list args;
    va_start(args, format);
    int used = vsnprintf(message, sizeof message, format, args);
    va_end(args);
    if (used >= 0 && (size_t)used < sizeof message)
        snprintf(message + used, sizeof message - (size_t)used, ": %s", rest);
    return status;
}

const char *dsb_status_name(dsb_status status)
{
    static const char *const names[] = {
        "DSB_OK",          "DSB_E_INVALID", "DSB_E_SHAPE",    "DSB_E_DTYPE",   "DSB_E_FORMAT",
        "DSB_E_IO",        "DSB_E_NOMEM",   "DSB_E_LIMIT",    "DSB_E_NUMERIC", "DSB_E_UNSUPPORTED",
        "DSB_E_CANCELLED", "DSB_E_STATE",   "DSB_E_NOTFOUND", "DSB_E_DATA",    "DSB_E_INTERNAL",
    };
    size_t n = sizeof names / sizeof names[0];
    if (status > 0 || -(int64_t)status >= (int64_t)n)
        return "DSB_E_?";
    return names[-status];
}
