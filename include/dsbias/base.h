/** Status codes, runtime, progress: what every other layer stands on.
 *
 *  Simplest use:
 *      dsb_runtime *rt;
 *      if (dsb_runtime_create(&rt, NULL) != DSB_OK) { puts(dsb_last_error()); return 1; }
 *      // ...
 *      dsb_runtime_free(rt);
 *
 *  Ownership, for the whole library: a handle received through `T **out` is yours, free it once;
 *  a pointer returned by a getter is borrowed until its object changes or is freed; inputs are
 *  const and never kept unless the doc says "retains". Free functions accept NULL. On failure
 *  `*out` is NULL and nothing needs cleaning.
 */
#ifndef DSBIAS_BASE_H
#define DSBIAS_BASE_H

#include <stddef.h>
#include <stdint.h>
#include "dsbias/export.h"
#include "dsbias/version.h"

#ifdef __cplusplus
extern "C" {
#endif

/** 0 is success, negative is one of the codes below, positive values are left for counts. */
typedef int32_t dsb_status;

#define DSB_OK 0
#define DSB_E_INVALID (-1)     /* an argument breaks the function's contract */
#define DSB_E_SHAPE (-2)       /* array dimensions do not fit together */
#define DSB_E_DTYPE (-3)       /* element type not accepted here */
#define DSB_E_FORMAT (-4)      /* the bytes are not a valid file of their format */
#define DSB_E_IO (-5)          /* the operating system refused: open, read, write, rename ... */
#define DSB_E_NOMEM (-6)       /* an allocation failed */
#define DSB_E_LIMIT (-7)       /* a stated limit (size, count, depth, time) would be passed */
#define DSB_E_NUMERIC (-8)     /* NaN, Inf, not positive definite, no convergence */
#define DSB_E_UNSUPPORTED (-9) /* valid, but not what this build or version can do */
#define DSB_E_CANCELLED (-10)  /* the caller's callback asked to stop */
#define DSB_E_STATE (-11)      /* right call, wrong moment */
#define DSB_E_NOTFOUND (-12)   /* no such file, name, tensor, model */
#define DSB_E_DATA (-13)       /* the data are too few or too broken for the question asked */
#define DSB_E_INTERNAL (-14)   /* a defect of this library: please report */

/** Name of a code, "DSB_E_FORMAT". Static text; "DSB_E_?" for a value that is none. */
DSB_API const char *dsb_status_name(dsb_status status);

/** The sentence that belongs to the last failure on this thread, "" if the last call succeeded or
 *  none failed yet. Valid until the next call into the library on this thread. */
DSB_API const char *dsb_last_error(void);

/** Instruction-set levels, lowest first. GENERIC is plain C. */
#define DSB_ISA_AUTO 0u    /* the best this CPU and operating system offer */
#define DSB_ISA_GENERIC 1u /* plain C: same results on every machine */
#define DSB_ISA_AVX2 2u    /* AVX2, FMA, F16C */
#define DSB_ISA_AVX512 3u  /* AVX-512 F, BW, DQ, VL */
#define DSB_ISA_NEON 16u   /* AArch64 Advanced SIMD */

/** Log levels. */
#define DSB_LOG_ERROR 1
#define DSB_LOG_WARN 2
#define DSB_LOG_INFO 3
#define DSB_LOG_DEBUG 4

/** A line of log. Called on any thread, one call at a time per runtime. `text` ends with the call.
 */
typedef void (*dsb_log_fn)(void *user, int32_t level, const char *area, const char *text);

/** Memory of the caller's own. `alignment` is a power of two; NULL means none left. Any thread. */
typedef void *(*dsb_alloc_fn)(void *user, size_t size_bytes, size_t alignment);
typedef void (*dsb_free_fn)(void *user, void *pointer);

typedef struct dsb_runtime dsb_runtime;

typedef struct dsb_runtime_opts {
    uint64_t struct_size; /* bytes the caller knows about; set by dsb_runtime_opts_init */
    uint64_t n_threads;   /* workers of the pool, 1..64; 0 = CPUs this process may use; default 0 */
    uint32_t isa_max;     /* DSB_ISA_*: highest level to use; default DSB_ISA_AUTO */
    int32_t log_level;    /* highest DSB_LOG_* handed to `log`; default DSB_LOG_INFO */
    dsb_log_fn log;       /* NULL (default): the library is silent */
    void *log_user;       /* first argument of `log` */
    dsb_alloc_fn alloc;   /* NULL (default): the C library's allocator; needs `free` too */
    dsb_free_fn free;     /* given exactly the pointers `alloc` returned */
    void *alloc_user;     /* first argument of `alloc` and `free` */
} dsb_runtime_opts;

/** Fills `opts` with defaults. @param size sizeof *opts as the caller compiled it. */
DSB_API void dsb_runtime_opts_init(dsb_runtime_opts *opts, size_t size);

/** Creates a runtime: a thread pool, an allocator, a log, a CPU level. NULL options = defaults.
 *  Two runtimes share nothing. A runtime does not survive fork(): create it in the child.
 *  @return DSB_OK, DSB_E_INVALID, DSB_E_NOMEM, DSB_E_UNSUPPORTED (caller's ABI is newer). Since
 * 0.1. */
#define dsb_runtime_create(out, opts) dsb_runtime_create_for((out), (opts), DSB_ABI_VERSION)
DSB_API dsb_status dsb_runtime_create_for(dsb_runtime **out, const dsb_runtime_opts *opts,
                                          uint32_t abi_version);
/** Ends the caller's hold. Objects made from the runtime keep it alive until they are freed. */
DSB_API void dsb_runtime_free(dsb_runtime *rt);

/** Number of workers, at least 1. */
DSB_API uint64_t dsb_runtime_threads(const dsb_runtime *rt);

/** The DSB_ISA_* level in use and its name, "avx512". */
DSB_API uint32_t dsb_runtime_isa(const dsb_runtime *rt);
DSB_API const char *dsb_isa_name(uint32_t isa);

/** Bytes allocated through the runtime now, and the most there ever were. Allocation calls so far.
 */
DSB_API uint64_t dsb_runtime_memory(const dsb_runtime *rt);
DSB_API uint64_t dsb_runtime_memory_peak(const dsb_runtime *rt);
DSB_API uint64_t dsb_runtime_alloc_count(const dsb_runtime *rt);

/** What a long call is doing. Read only fields that lie below struct_size. */
typedef struct dsb_event {
    uint64_t struct_size; /* bytes of this struct that are filled */
    const char *stage;    /* "index", "patches", "train convnext_470k" ...; borrowed for the call */
    uint64_t done;        /* units finished in this stage */
    uint64_t total;       /* units of this stage, 0 if not known */
    double seconds;       /* since the stage began */
    double value;         /* latest metric of the stage (loss, accuracy), NaN if none */
    const char *value_name; /* "loss", "" if none; borrowed */
} dsb_event;

/** Progress of a long call, on the thread that made it. Non-zero asks to stop: the call then ends
 * with DSB_E_CANCELLED at the next step boundary. Must not throw or long-jump. */
typedef int32_t (*dsb_event_fn)(void *user, const dsb_event *event);

#ifdef __cplusplus
}
#endif

#endif
