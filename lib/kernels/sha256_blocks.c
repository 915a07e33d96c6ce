/* See sha256_blocks.h. */
#include "kernels/sha256_blocks.h"

#include "kernels/kernels.h"

#if DSBI_ARCH_X86_64
#include <cpuid.h>
#include <pthread.h>

dsbi_sha256_blocks_fn dsbi_sha256_blocks_shani;

static bool has_sha; /* written once under `once`: asking takes 30 us on a virtual machine */
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Leaf 7 says SHA, leaf 1 SSSE3 and SSE4.1; the registers are those of every x86-64 system. */
static void look(void)
{
    unsigned a, b, c, d;
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA))
        has_sha = __get_cpuid(1, &a, &b, &c, &d) && (c & bit_SSSE3) && (c & bit_SSE4_1);
}

dsbi_sha256_blocks_fn *dsbi_sha256_blocks_of(const dsb_runtime *rt)
{
    pthread_once(&once, look);
    return rt->isa > DSB_ISA_GENERIC && has_sha ? dsbi_sha256_blocks_shani
                                                : dsbi_sha256_blocks_portable;
}
#else
dsbi_sha256_blocks_fn *dsbi_sha256_blocks_of(const dsb_runtime *rt)
{
    (void)rt;
    return dsbi_sha256_blocks_portable;
}
#endif

void dsbi_sha256_fast(const dsb_runtime *rt, uint8_t digest[32], const void *data, size_t size)
{
    dsbi_sha256_state state;
    dsbi_sha256_init(&state);
    state.take = dsbi_sha256_blocks_of(rt);
    dsbi_sha256_update(&state, data, size);
    dsbi_sha256_final(&state, digest);
}
