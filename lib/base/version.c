/* What runs: version, ABI, build. */
#include "dsbias/version.h"

#ifndef DSBI_COMMIT
#define DSBI_COMMIT "unknown"
#endif

const char *dsb_version(void)
{
    return DSB_VERSION_STRING;
}

uint32_t dsb_abi_version(void)
{
    return DSB_ABI_VERSION;
}

const char *dsb_build_info(void)
{
    return "libdsbias " DSB_VERSION_STRING " (" DSBI_COMMIT ", " __VERSION__ ")";
}
