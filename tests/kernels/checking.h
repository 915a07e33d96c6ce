/* What every kernel check needs: arrays that end at an unreadable page (so a read or write beyond
 * the end crashes, and lengths of all kinds give alignments of all kinds) behind words that must
 * not change; a loop over the levels of this CPU; comparison with an f64 reference; timing.
 *
 *     CHECK_MAIN("gelu", bench, gelu_agrees, ...)     --bench runs bench() instead of the tests */
#ifndef DSBI_TESTS_KERNELS_CHECKING_H
#define DSBI_TESTS_KERNELS_CHECKING_H

#include "testing.h"

#include <float.h>
#include <math.h>
#include <sys/mman.h>
#include <time.h>
#include "base/cpu.h"
#include "base/rng.h"
#include "kernels/kernels.h"

enum { PAGE = 4096, FRONT_WORDS = 32, ARRAYS_MAX = 64 };
static const uint32_t FRONT_WORD = 0x7fa5a5a5u; /* a NaN, so using it shows as well */

/* All arrays of a test, freed and checked together. */
typedef struct arrays {
    struct {
        unsigned char *map;
        size_t map_bytes;
        uint32_t *front;
    } items[ARRAYS_MAX];
    size_t count;
    dsbi_rng rng;
} arrays;

static inline void *array_bytes(arrays *all, size_t size)
{
    ck_assert_uint_lt(all->count, ARRAYS_MAX);
    const size_t front = FRONT_WORDS * sizeof(uint32_t);
    const size_t body = (size + front + 8 + PAGE - 1) / PAGE * PAGE;
    unsigned char *map =
        mmap(NULL, body + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert(map != MAP_FAILED);
    ck_assert_int_eq(mprotect(map + body, PAGE, PROT_NONE), 0);
    unsigned char *data = map + body - size;
    /* the words in front: aligned, the gap below them is not watched */
    uint32_t *words = (uint32_t *)(void *)(map + (body - size) / 8 * 8 - front);
    for (size_t i = 0; i < FRONT_WORDS; i++)
        words[i] = FRONT_WORD;
    all->items[all->count].map = map;
    all->items[all->count].map_bytes = body + PAGE;
    all->items[all->count++].front = words;
    return data;
}

static inline float *array_f32(arrays *all, size_t n)
{
    return array_bytes(all, n * sizeof(float));
}

static inline double *array_f64(arrays *all, size_t n)
{
    return array_bytes(all, n * sizeof(double));
}

static inline float *normal_f32(arrays *all, size_t n, double scale)
{
    float *x = array_f32(all, n);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(scale * dsbi_rng_normal(&all->rng));
    return x;
}

static inline double *widened(arrays *all, const float *x, size_t n)
{
    double *y = array_f64(all, n);
    for (size_t i = 0; i < n; i++)
        y[i] = (double)x[i];
    return y;
}

static inline float *copied(arrays *all, const float *x, size_t n)
{
    float *y = array_f32(all, n);
    if (n)
        memcpy(y, x, n * sizeof *y);
    return y;
}

static inline double *magnitudes(arrays *all, const double *x, size_t n)
{
    double *y = array_f64(all, n);
    for (size_t i = 0; i < n; i++)
        y[i] = fabs(x[i]);
    return y;
}

static inline void arrays_begin(arrays *all, uint64_t seed)
{
    all->count = 0;
    dsbi_rng_init(&all->rng, seed, DSBI_RNG_TEST, 0);
}

static inline void arrays_end(arrays *all)
{
    for (size_t i = 0; i < all->count; i++) {
        for (size_t j = 0; j < FRONT_WORDS; j++)
            ck_assert_msg(all->items[i].front[j] == FRONT_WORD, "array %zu: written in front", i);
        munmap(all->items[i].map, all->items[i].map_bytes);
    }
    all->count = 0;
}

/* |got - expected| <= factor FLT_EPSILON work + FLT_MIN; non-finite values must be the same kind.
 */
static inline void check_near(const char *what, uint32_t isa, const float *got,
                              const double *expected, const double *work, size_t n, double factor)
{
    for (size_t i = 0; i < n; i++) {
        const double value = (double)got[i];
        if (isnan(expected[i]) || isinf(expected[i])) {
            ck_assert_msg(isnan(expected[i]) ? isnan(value) : value == expected[i],
                          "%s %s: [%zu of %zu] is %g, expected %g", what, dsb_isa_name(isa), i, n,
                          value, expected[i]);
            continue;
        }
        const double bound = factor * (double)FLT_EPSILON * work[i] + (double)FLT_MIN;
        ck_assert_msg(fabs(value - expected[i]) <= bound,
                      "%s %s: [%zu of %zu] is %.9g, expected %.9g, off by %g, allowed %g", what,
                      dsb_isa_name(isa), i, n, value, expected[i], fabs(value - expected[i]),
                      bound);
    }
}

static inline void check_same(const char *what, uint32_t isa, const float *got,
                              const float *expected, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(memcmp(&got[i], &expected[i], sizeof *got) == 0 ||
                          (isnan(got[i]) && isnan(expected[i])),
                      "%s %s: [%zu of %zu] is %.9g, expected exactly %.9g", what, dsb_isa_name(isa),
                      i, n, (double)got[i], (double)expected[i]);
}

#define FOR_EACH_LEVEL(isa, table)                                     \
    for (uint32_t isa = DSB_ISA_GENERIC; isa <= dsbi_cpu_isa(); isa++) \
        for (const dsbi_kernels *table = dsbi_kernels_for(isa); table; table = NULL)

/* Seconds of one call: the least of several runs of at least 20 ms in all. */
#define SECONDS_OF(result, call)                            \
    do {                                                    \
        (result) = 1e9;                                     \
        for (double spent_ = 0; spent_ < 0.2;) {            \
            const double start_ = seconds_now();            \
            call;                                           \
            const double took_ = seconds_now() - start_;    \
            spent_ += took_;                                \
            (result) = took_ < (result) ? took_ : (result); \
        }                                                   \
    } while (0)

static inline double seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

#define CHECK_MAIN(name, bench, ...)                     \
    START_TEST(bench_runs)                               \
    {                                                    \
        bench();                                         \
    }                                                    \
    END_TEST                                             \
    int main(int argc, char **argv)                      \
    {                                                    \
        if (argc > 1 && strcmp(argv[1], "--bench") == 0) \
            return run_tests(name, bench_runs, NULL);    \
        return run_tests(name, __VA_ARGS__, NULL);       \
    }

#endif
