/* Progress of long calls. Only on the thread that made the call, between steps. */
#ifndef DSBI_BASE_EVENT_H
#define DSBI_BASE_EVENT_H

#include "base/status.h"

/* `start` is dsbi_now() at the beginning of the stage; value NaN and name "" if there is no metric.
 * @return DSB_OK, or DSB_E_CANCELLED with a sentence when the caller asks to stop. */
dsb_status dsbi_event_send(dsb_event_fn fn, void *user, const char *stage, uint64_t done,
                           uint64_t total, double start, double value, const char *value_name);

#endif
