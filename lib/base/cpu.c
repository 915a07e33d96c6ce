/* CPU level and count. __builtin_cpu_supports checks CPUID and XCR0 (the OS saves the registers).
 */
#include "base/cpu.h"

#include <sched.h>
#include <stdio.h>
#include "dsbias/base.h"

static uint32_t level_of_cpu(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))
        return DSB_ISA_GENERIC;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return DSB_ISA_AVX512;
    return DSB_ISA_AVX2;
#else
    return DSB_ISA_GENERIC;
#endif
}

/* DSBI_ISA_MAX: builds that run everything as on a lesser CPU (presets generic and avx2). */
uint32_t dsbi_cpu_isa(void)
{
    const uint32_t level = level_of_cpu();
#ifdef DSBI_ISA_MAX
    return level < DSBI_ISA_MAX ? level : DSBI_ISA_MAX;
#else
    return level;
#endif
}

/* cgroup v2 "max 100000" or "150000 100000": quota and period in microseconds. 0 = no limit. */
static size_t cgroup_cpus(void)
{
    FILE *file = fopen("/sys/fs/cgroup/cpu.max", "re");
    if (!file)
        return 0;
    long long quota = 0, period = 0;
    int got = fscanf(file, "%lld %lld", &quota, &period);
    fclose(file);
    if (got != 2 || quota <= 0 || period <= 0)
        return 0;
    return (size_t)((quota + period - 1) / period);
}

size_t dsbi_cpu_count(void)
{
    size_t n = 1;
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
        n = (size_t)CPU_COUNT(&set);
    size_t quota = cgroup_cpus();
    if (quota && quota < n)
        n = quota;
    return n;
}

void dsbi_cpu_part_from(pthread_t thread)
{
    const int here = sched_getcpu();
    cpu_set_t mask, others;
    if (here < 0 || pthread_getaffinity_np(thread, sizeof mask, &mask) != 0)
        return;
    others = mask;
    CPU_CLR((size_t)here, &others);
    if (CPU_COUNT(&others) > 0 && pthread_setaffinity_np(thread, sizeof others, &others) == 0)
        (void)pthread_setaffinity_np(thread, sizeof mask, &mask);
}

const char *dsb_isa_name(uint32_t isa)
{
    switch (isa) {
    case DSB_ISA_AUTO:
        return "auto";
    case DSB_ISA_GENERIC:
        return "generic";
    case DSB_ISA_AVX2:
        return "avx2";
    case DSB_ISA_AVX512:
        return "avx512";
    case DSB_ISA_NEON:
        return "neon";
    default:
        return "?";
    }
}
