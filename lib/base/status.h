/* Failing: the code goes up as a return value, the sentence waits in thread-local memory.
 * The sentence is written once, where the fact is known; callers pass the code on untouched or put
 * a place in front ("shard 00012.tar: ..."). */
#ifndef DSBI_BASE_STATUS_H
#define DSBI_BASE_STATUS_H

#include "dsbias/base.h"

#if defined(__GNUC__)
#define DSBI_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#else
#define DSBI_PRINTF(fmt, first)
#endif

/* Sets the sentence and returns `status`: return dsbi_fail(DSB_E_FORMAT, "npy: version %u", v); */
dsb_status dsbi_fail(dsb_status status, const char *format, ...) DSBI_PRINTF(2, 3);

/* Puts "prefix: " in front of the sentence of a failure; hands DSB_OK through. */
dsb_status dsbi_fail_at(dsb_status status, const char *format, ...) DSBI_PRINTF(2, 3);

/* Sets the sentence to `text` as it is: for errors carried over from another thread. */
dsb_status dsbi_fail_text(dsb_status status, const char *text);

/* Every public function that can fail begins with it, so that success leaves no sentence. */
void dsbi_clear_error(void);

/* Leaves the calling function with the status of a failed call. Only where nothing is owned yet. */
#define DSBI_TRY(call)                        \
    do {                                      \
        dsb_status dsbi_try_status_ = (call); \
        if (dsbi_try_status_ != DSB_OK)       \
            return dsbi_try_status_;          \
    } while (0)

/* Jumps to `done:` with `status` set. For functions that own things. */
#define DSBI_GO(call)         \
    do {                      \
        status = (call);      \
        if (status != DSB_OK) \
            goto done;        \
    } while (0)

#endif
