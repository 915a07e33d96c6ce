/** Version of the library (what it can do) and of its ABI (what it promises not to break). */
#ifndef DSBIAS_VERSION_H
#define DSBIAS_VERSION_H

#include <stdint.h>
#include "dsbias/export.h"

#define DSB_VERSION_MAJOR 0
#define DSB_VERSION_MINOR 1
#define DSB_VERSION_PATCH 0
#define DSB_VERSION_STRING "0.1.0"

/** major * 1000 + minor: handed to dsb_runtime_create_for so the library knows its caller's
 * headers. */
#define DSB_ABI_VERSION 1u

#ifdef __cplusplus
extern "C" {
#endif

/** Version of the library that runs, "0.1.0". Static text. */
DSB_API const char *dsb_version(void);

/** ABI version of the library that runs; compare with DSB_ABI_VERSION. */
DSB_API uint32_t dsb_abi_version(void);

/** One line for bug reports and run records: version, commit, compiler. Static text. */
DSB_API const char *dsb_build_info(void);

#ifdef __cplusplus
}
#endif

#endif
