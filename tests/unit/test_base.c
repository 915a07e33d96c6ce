/* Status, options, memory accounting, pool, random numbers. */
#include "testing.h"

#include <math.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>
#include "base/cpu.h"
#include "base/memory.h"
#include "base/opts.h"
#include "base/pool.h"
#include "base/rng.h"

START_TEST(status_has_names_and_sentences)
{
    ck_assert_str_eq(dsb_status_name(DSB_OK), "DSB_OK");
    ck_assert_str_eq(dsb_status_name(DSB_E_INTERNAL), "DSB_E_INTERNAL");
    ck_assert_str_eq(dsb_status_name(7), "DSB_E_?");
    ck_assert_str_eq(dsb_status_name(INT32_MIN), "DSB_E_?");
    ck_assert_int_eq(dsbi_fail(DSB_E_IO, "byte %d", 12), DSB_E_IO);
    ck_assert_int_eq(dsbi_fail_at(DSB_E_IO, "a.tar"), DSB_E_IO);
    ck_assert_str_eq(dsb_last_error(), "a.tar: byte 12");
}
END_TEST

START_TEST(options_of_any_age_are_read)
{
    typedef struct old_opts {
        uint64_t struct_size;
        uint64_t a;
    } old_opts;
    typedef struct new_opts {
        uint64_t struct_size;
        uint64_t a, b;
    } new_opts;
    old_opts old = {sizeof old, 5};
    new_opts mine = {sizeof mine, 1, 2};
    ck_assert_ok(dsbi_opts_read(&mine, sizeof mine, &old, "x"));
    ck_assert_uint_eq(mine.a, 5);
    ck_assert_uint_eq(mine.b, 2);
    new_opts newer = {sizeof newer, 7, 0};
    old_opts ours = {sizeof ours, 1};
    ck_assert_ok(dsbi_opts_read(&ours, sizeof ours, &newer, "x"));
    ck_assert_uint_eq(ours.a, 7);
    newer.b = 1;
    ck_assert_fails(dsbi_opts_read(&ours, sizeof ours, &newer, "x"), DSB_E_UNSUPPORTED, "byte 16");
    newer.struct_size = 3;
    ck_assert_fails(dsbi_opts_read(&ours, sizeof ours, &newer, "x"), DSB_E_INVALID, "_init");
}
END_TEST

START_TEST(runtime_refuses_nonsense)
{
    dsb_runtime *rt;
    dsb_runtime_opts opts;
    dsb_runtime_opts_init(&opts, sizeof opts);
    opts.n_threads = 65;
    ck_assert_fails(dsb_runtime_create(&rt, &opts), DSB_E_INVALID, "65");
    ck_assert_ptr_null(rt);
    ck_assert_fails(dsb_runtime_create_for(&rt, NULL, 99000), DSB_E_UNSUPPORTED, "99000");
    ck_assert_ok(dsb_runtime_create(&rt, NULL));
    ck_assert_str_eq(dsb_last_error(), "");
    ck_assert_uint_ge(dsb_runtime_threads(rt), 1);
    dsb_runtime_free(rt);
    dsb_runtime_free(NULL);
}
END_TEST

START_TEST(memory_is_counted_and_checked)
{
    dsb_runtime *rt = make_runtime(1);
    uint64_t before = dsb_runtime_memory(rt);
    char *block = dsbi_alloc(rt, 1000);
    ck_assert_uint_ge(dsb_runtime_memory(rt), before + 1000);
    ck_assert_uint_eq((uintptr_t)block % 64, 0);
    memset(block, 1, 1000);
    dsbi_free(rt, block);
    ck_assert_uint_eq(dsb_runtime_memory(rt), before);
    ck_assert_ptr_null(dsbi_alloc_array(rt, SIZE_MAX / 2, 4));
    ck_assert_ptr_nonnull(strstr(dsb_last_error(), "overflow"));
    ck_assert_ptr_null(dsbi_alloc(rt, SIZE_MAX - 10));
    dsb_runtime_free(rt);
}
END_TEST

typedef struct pool_job {
    atomic_int done[1000];
    dsb_runtime *rt;
} pool_job;

static dsb_status mark_task(void *user, size_t task, size_t worker)
{
    pool_job *job = user;
    (void)worker;
    atomic_fetch_add(&job->done[task], 1);
    return DSB_OK;
}

static dsb_status failing_task(void *user, size_t task, size_t worker)
{
    (void)user;
    (void)worker;
    if (task % 100 == 37)
        return dsbi_fail(DSB_E_FORMAT, "task %zu", task);
    return DSB_OK;
}

static dsb_status nested_task(void *user, size_t task, size_t worker)
{
    pool_job *job = user;
    (void)task;
    (void)worker;
    return dsbi_parallel(job->rt, 10, mark_task, job);
}

START_TEST(pool_runs_each_task_once)
{
    for (uint64_t n_threads = 1; n_threads <= 4; n_threads++) {
        pool_job job = {.rt = make_runtime(n_threads)};
        for (int round = 0; round < 50; round++)
            ck_assert_ok(dsbi_parallel(job.rt, 1000, mark_task, &job));
        for (int i = 0; i < 1000; i++)
            ck_assert_int_eq(job.done[i], 50);
        ck_assert_ok(dsbi_parallel(job.rt, 7, nested_task, &job));
        ck_assert_int_eq(job.done[9], 57);
        for (int round = 0; round < 20; round++)
            ck_assert_fails(dsbi_parallel(job.rt, 1000, failing_task, &job), DSB_E_FORMAT,
                            "task 37");
        dsb_runtime_free(job.rt);
    }
}
END_TEST

typedef struct late_job {
    int plain[4]; /* not atomic: the pool itself must order a job behind the one before */
    size_t round;
} late_job;

static dsb_status count_task(void *user, size_t task, size_t worker)
{
    late_job *job = user;
    (void)worker;
    job->plain[task]++;
    if (job->round % 64 == 0 && task == 1)
        usleep(1500); /* long enough for the others to fall asleep */
    return DSB_OK;
}

/* Jobs so short that a worker may come when they are over, one after the other and with pauses in
 * which workers sleep: each task runs once and sees what the last job wrote. */
typedef struct bystander {
    int cpu;         /* where it is put at first */
    atomic_long tid; /* 0 until it is there */
    atomic_bool over;
} bystander;

static void *stand_by(void *user)
{
    bystander *b = user;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET((size_t)b->cpu, &one);
    if (sched_setaffinity(0, sizeof one, &one) == 0)
        atomic_store(&b->tid, (long)gettid());
    while (!atomic_load(&b->over))
        sched_yield();
    return NULL;
}

/* Field 39 of its stat file. */
static int processor_of(long tid)
{
    char path[64], line[1024] = "";
    snprintf(path, sizeof path, "/proc/self/task/%ld/stat", tid);
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_ptr_nonnull(fgets(line, sizeof line, file));
    fclose(file);
    char *at = strrchr(line, ')');
    for (int field = 2; field < 39; field++)
        at = strchr(at + 1, ' ');
    return atoi(at + 1);
}

START_TEST(threads_part_and_stay_free)
{
    cpu_set_t all, one, mask;
    ck_assert_int_eq(sched_getaffinity(0, sizeof all, &all), 0);
    bystander b = {.cpu = sched_getcpu()};
    CPU_ZERO(&one);
    CPU_SET((size_t)b.cpu, &one);
    ck_assert_int_eq(sched_setaffinity(0, sizeof one, &one), 0);
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, stand_by, &b), 0);
    while (atomic_load(&b.tid) == 0)
        sched_yield();
    dsbi_cpu_part_from(thread); /* may use no other: stays, and keeps its mask */
    ck_assert_int_eq(pthread_getaffinity_np(thread, sizeof mask, &mask), 0);
    ck_assert(CPU_EQUAL(&mask, &one));
    ck_assert_int_eq(processor_of(atomic_load(&b.tid)), b.cpu);
    if (CPU_COUNT(&all) > 1) {
        ck_assert_int_eq(pthread_setaffinity_np(thread, sizeof all, &all), 0);
        dsbi_cpu_part_from(thread);
        ck_assert_int_ne(processor_of(atomic_load(&b.tid)), b.cpu);
        ck_assert_int_eq(pthread_getaffinity_np(thread, sizeof mask, &mask), 0);
        ck_assert(CPU_EQUAL(&mask, &all));
    }
    atomic_store(&b.over, true);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_eq(sched_setaffinity(0, sizeof all, &all), 0);
}
END_TEST

START_TEST(pool_does_not_wait_for_late_workers)
{
    for (uint64_t n_threads = 2; n_threads <= 4; n_threads++) {
        dsb_runtime *rt = make_runtime(n_threads);
        late_job job = {.round = 0};
        for (; job.round < 5000; job.round++) {
            size_t n_tasks = 2 + job.round % 3;
            ck_assert_ok(dsbi_parallel(rt, n_tasks, count_task, &job));
            if (job.round % 512 == 0)
                usleep(1500);
        }
        ck_assert_int_eq(job.plain[0], 5000);
        ck_assert_int_eq(job.plain[1], 5000);
        ck_assert_int_eq(job.plain[2], 3333);
        ck_assert_int_eq(job.plain[3], 1666);
        dsb_runtime_free(rt);
    }
}
END_TEST

enum { SHARED_TASKS = 8, SECOND_SHARE = 4 };

typedef struct share_job {
    atomic_int done;
    atomic_bool second_begun;
    size_t worker_of[SHARED_TASKS];
} share_job;

/* The first task waits for the second share's first, and that for all others. */
static dsb_status share_task(void *user, size_t task, size_t worker)
{
    share_job *job = user;
    job->worker_of[task] = worker;
    if (task == SECOND_SHARE)
        atomic_store(&job->second_begun, true);
    while (task == 0 && !atomic_load(&job->second_begun))
        sched_yield();
    while (task == SECOND_SHARE && atomic_load(&job->done) < SHARED_TASKS - 1)
        sched_yield();
    atomic_fetch_add(&job->done, 1);
    return DSB_OK;
}

START_TEST(threads_begin_with_a_share_and_help_with_the_other)
{
    dsb_runtime *rt = make_runtime(2);
    for (int round = 0; round < 200; round++) {
        share_job job = {.done = 0};
        ck_assert_ok(dsbi_parallel(rt, SHARED_TASKS, share_task, &job));
        for (size_t task = 0; task < SHARED_TASKS; task++)
            ck_assert_uint_eq(job.worker_of[task], task == SECOND_SHARE ? 1 : 0);
    }
    dsb_runtime_free(rt);
}
END_TEST

/* Random123 kat_vectors: philox4x32 10 rounds */
START_TEST(philox_matches_published_vectors)
{
    const uint32_t counters[3][4] = {
        {0, 0, 0, 0},
        {0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu},
        {0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u},
    };
    const uint32_t keys[3][2] = {{0, 0}, {0xffffffffu, 0xffffffffu}, {0xa4093822u, 0x299f31d0u}};
    const uint32_t expected[3][4] = {
        {0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u},
        {0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu},
        {0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u},
    };
    for (int i = 0; i < 3; i++) {
        uint32_t out[4];
        dsbi_philox4x32(out, counters[i], keys[i]);
        ck_assert_mem_eq(out, expected[i], sizeof out);
    }
}
END_TEST

START_TEST(distributions_have_their_moments)
{
    dsbi_rng rng;
    dsbi_rng_init(&rng, 1, DSBI_RNG_TEST, 0);
    enum { N = 200000 };
    double normal = 0, normal2 = 0, beta = 0;
    uint64_t counts[3] = {0};
    for (int i = 0; i < N; i++) {
        double x = dsbi_rng_normal(&rng);
        normal += x;
        normal2 += x * x;
        beta += dsbi_rng_beta(&rng, 0.8, 2.4);
        counts[dsbi_rng_below(&rng, 3)]++;
    }
    ck_assert_double_lt(fabs(normal / N), 0.01);
    ck_assert_double_lt(fabs(normal2 / N - 1), 0.02);
    ck_assert_double_lt(fabs(beta / N - 0.25), 0.005); /* a / (a + b) */
    for (int i = 0; i < 3; i++)
        ck_assert_double_lt(fabs((double)counts[i] / N - 1.0 / 3), 0.01);
}
END_TEST

int main(void)
{
    return run_tests("base", status_has_names_and_sentences, options_of_any_age_are_read,
                     runtime_refuses_nonsense, memory_is_counted_and_checked,
                     pool_runs_each_task_once, pool_does_not_wait_for_late_workers,
                     threads_begin_with_a_share_and_help_with_the_other, threads_part_and_stay_free,
                     philox_matches_published_vectors, distributions_have_their_moments, NULL);
}
