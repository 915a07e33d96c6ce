/* A pool of n_threads - 1 workers; the caller is worker 0. One job at a time. Each thread begins
 * with a share of the tasks, equal ones of neighbours, then takes from the last ones, which are
 * nobody's, then helps with the other shares: so it finds in its own cache what it wrote in the job
 * before, and sums of neighbouring tasks, which may lie in one line of the cache, are written by
 * one thread.
 *
 * Nobody waits for a worker that comes late: a job is open while tasks are left, a worker enters an
 * open job and leaves it, and the caller closes the job and waits only for those inside. A training
 * step issues hundreds of jobs of some 20 us each, and to wake a thread takes about as long, so
 * workers look out for the next job for a while before they sleep. */
#include "base/pool.h"

#include "base/cpu.h"
#include <sched.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { NOBODYS_PART = 8 }; /* of a job's tasks one in so many belongs to no thread's share */

enum { MAX_WORKERS = 64, MESSAGE_BYTES = 1024, CACHE_LINE = 64 };

/* How long to look out before sleeping: pauses only, then pauses with the processor offered to
 * others in between. */
enum { SPIN_PAUSES = 1000, PAUSES_PER_YIELD = 50, YIELD_NS = 400000 };

/* Jobs in a row that no worker entered until the caller takes it that they wait for its processor:
 * the system wakes a thread where its waker runs, and may leave both there for a quarter of a
 * second while another processor idles. */
enum { JOBS_ALONE = 8 };

/* dsbi_pool.gate: workers inside the job, whether it is open, and a count of jobs. */
#define GATE_INSIDE UINT64_C(0xffff)
#define GATE_OPEN UINT64_C(0x10000)
#define GATE_JOB UINT64_C(0x100000000)

typedef struct worker_start {
    struct dsbi_pool *pool;
    size_t index;
} worker_start;

/* Tasks next .. end - 1 are still to be done; next may pass end. */
typedef struct task_share {
    alignas(CACHE_LINE) atomic_size_t next;
    size_t end;
} task_share;

struct dsbi_pool {
    size_t n_workers; /* threads beside the caller */
    bool spins;       /* a processor for each thread: looking out costs nobody else's time */
    pthread_t threads[MAX_WORKERS];
    worker_start starts[MAX_WORKERS];
    pthread_mutex_t submit; /* one job at a time */
    pthread_mutex_t lock;
    pthread_cond_t wake, finished;
    alignas(CACHE_LINE) atomic_uint_fast64_t gate; /* what idle workers look at all the time */
    alignas(CACHE_LINE) atomic_size_t sleepers;    /* that wait for `wake` or are about to */
    atomic_bool stop;

    dsbi_task_fn fn; /* the job; only changed while the gate is shut and nobody is inside */
    void *user;
    task_share shares[MAX_WORKERS + 2];     /* of each thread, the caller first, then nobody's */
    unsigned n_alone;                       /* jobs in a row that no worker entered; under submit */
    alignas(CACHE_LINE) atomic_bool joined; /* a worker entered this job */

    alignas(CACHE_LINE) size_t failed_task; /* lowest failed task, SIZE_MAX if none; under lock */
    atomic_size_t fail_limit;               /* tasks at or above it need not start */
    dsb_status failed_status;
    char failed_message[MESSAGE_BYTES];
};

static _Thread_local struct dsbi_pool *inside_pool; /* set while this thread runs tasks */
static _Thread_local size_t inside_worker;

static void pause_cpu(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

static void note_failure(struct dsbi_pool *pool, size_t task, dsb_status status)
{
    pthread_mutex_lock(&pool->lock);
    if (task < pool->failed_task) {
        pool->failed_task = task;
        pool->failed_status = status;
        snprintf(pool->failed_message, sizeof pool->failed_message, "%s", dsb_last_error());
        atomic_store(&pool->fail_limit, task);
    }
    pthread_mutex_unlock(&pool->lock);
}

static void run_share(struct dsbi_pool *pool, task_share *share, size_t worker)
{
    for (;;) {
        size_t task = atomic_fetch_add_explicit(&share->next, 1, memory_order_relaxed);
        if (task >= share->end)
            return;
        if (task > atomic_load_explicit(&pool->fail_limit, memory_order_relaxed))
            continue;
        dsb_status status = pool->fn(pool->user, task, worker);
        if (status < 0)
            note_failure(pool, task, status);
    }
}

/* The worker's own share, the one of nobody, the others. */
static void run_tasks(struct dsbi_pool *pool, size_t worker)
{
    struct dsbi_pool *outer = inside_pool;
    size_t outer_worker = inside_worker;
    inside_pool = pool;
    inside_worker = worker;
    const size_t threads = pool->n_workers + 1;
    run_share(pool, &pool->shares[worker], worker);
    run_share(pool, &pool->shares[threads], worker);
    for (size_t i = 1; i < threads; i++)
        run_share(pool, &pool->shares[(worker + i) % threads], worker);
    inside_pool = outer;
    inside_worker = outer_worker;
}

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

/* Looks out until (gate & mask) differs from `value`, not for long; whether it does. */
static bool look_out(struct dsbi_pool *pool, uint64_t mask, uint64_t value)
{
    if (!pool->spins)
        return (atomic_load(&pool->gate) & mask) != value;
    for (int i = 0; i < SPIN_PAUSES; i++) {
        if ((atomic_load_explicit(&pool->gate, memory_order_acquire) & mask) != value)
            return true;
        pause_cpu();
    }
    for (uint64_t end = now_ns() + YIELD_NS; now_ns() < end; sched_yield())
        for (int i = 0; i < PAUSES_PER_YIELD; i++) {
            if ((atomic_load_explicit(&pool->gate, memory_order_acquire) & mask) != value)
                return true;
            pause_cpu();
        }
    return false;
}

/* Waits for a job after number `seen`, or the end of the pool. */
static void wait_for_job(struct dsbi_pool *pool, uint64_t seen)
{
    const uint64_t job_bits = ~(GATE_JOB - 1);
    if (look_out(pool, job_bits, seen))
        return;
    /* sleepers before the gate here, the gate before sleepers in start_job: one sees the other */
    pthread_mutex_lock(&pool->lock);
    atomic_fetch_add(&pool->sleepers, 1);
    while ((atomic_load(&pool->gate) & job_bits) == seen && !atomic_load(&pool->stop))
        pthread_cond_wait(&pool->wake, &pool->lock);
    atomic_fetch_sub(&pool->sleepers, 1);
    pthread_mutex_unlock(&pool->lock);
}

/* Enters the job if it is still open; *seen becomes its number. */
static bool enter_job(struct dsbi_pool *pool, uint64_t *seen)
{
    uint64_t gate = atomic_load(&pool->gate);
    while (gate & GATE_OPEN && !atomic_compare_exchange_weak(&pool->gate, &gate, gate + 1))
        ;
    *seen = gate & ~(GATE_JOB - 1);
    return gate & GATE_OPEN;
}

static void leave_job(struct dsbi_pool *pool)
{
    uint64_t before = atomic_fetch_sub(&pool->gate, 1);
    if ((before & (GATE_INSIDE | GATE_OPEN)) != 1)
        return; /* not the last one, or the caller still works */
    pthread_mutex_lock(&pool->lock);
    pthread_cond_signal(&pool->finished);
    pthread_mutex_unlock(&pool->lock);
}

static void *worker_main(void *argument)
{
    const worker_start *start = argument;
    struct dsbi_pool *pool = start->pool;
    uint64_t seen = 0;
    while (!atomic_load(&pool->stop)) {
        wait_for_job(pool, seen);
        if (!enter_job(pool, &seen))
            continue;
        atomic_store_explicit(&pool->joined, true, memory_order_relaxed);
        run_tasks(pool, start->index);
        leave_job(pool);
    }
    return NULL;
}

/* Tasks in order on the calling thread: inside a task, or a pool of one. */
static dsb_status run_in_place(size_t n_tasks, dsbi_task_fn fn, void *user, size_t worker)
{
    for (size_t task = 0; task < n_tasks; task++) {
        dsb_status status = fn(user, task, worker);
        if (status < 0)
            return status;
    }
    return DSB_OK;
}

static void share_out(struct dsbi_pool *pool, size_t n_tasks)
{
    const size_t threads = pool->n_workers + 1, shared = n_tasks - n_tasks / NOBODYS_PART;
    size_t task = 0;
    for (size_t i = 0; i <= threads; i++) {
        atomic_store_explicit(&pool->shares[i].next, task, memory_order_relaxed);
        task = i < threads ? task + shared / threads + (i < shared % threads) : n_tasks;
        pool->shares[i].end = task;
    }
}

static void start_job(struct dsbi_pool *pool, size_t n_tasks, dsbi_task_fn fn, void *user)
{
    pool->fn = fn;
    pool->user = user;
    share_out(pool, n_tasks);
    atomic_store(&pool->joined, false);
    pool->failed_task = SIZE_MAX;
    atomic_store(&pool->fail_limit, SIZE_MAX);
    pool->failed_status = DSB_OK;
    atomic_fetch_add(&pool->gate, GATE_JOB | GATE_OPEN);
    if (atomic_load(&pool->sleepers) > 0) {
        pthread_mutex_lock(&pool->lock);
        pthread_cond_broadcast(&pool->wake);
        pthread_mutex_unlock(&pool->lock);
    }
}

/* Once in each row of jobs that the caller did alone. */
static void mind_absence(struct dsbi_pool *pool)
{
    if (atomic_load_explicit(&pool->joined, memory_order_relaxed))
        pool->n_alone = 0;
    else if (pool->n_alone < JOBS_ALONE && ++pool->n_alone == JOBS_ALONE && pool->spins)
        for (size_t i = 0; i < pool->n_workers; i++)
            dsbi_cpu_part_from(pool->threads[i]);
}

/* Shuts the gate and waits for the workers inside. */
static void end_job(struct dsbi_pool *pool)
{
    uint64_t before = atomic_fetch_and(&pool->gate, ~GATE_OPEN);
    uint64_t inside = before & GATE_INSIDE;
    while (inside != 0 && look_out(pool, GATE_INSIDE, inside))
        inside = atomic_load(&pool->gate) & GATE_INSIDE;
    if (inside == 0)
        return;
    pthread_mutex_lock(&pool->lock);
    while (atomic_load(&pool->gate) & GATE_INSIDE)
        pthread_cond_wait(&pool->finished, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
}

dsb_status dsbi_parallel(dsb_runtime *rt, size_t n_tasks, dsbi_task_fn fn, void *user)
{
    struct dsbi_pool *pool = rt->pool;
    if (inside_pool == pool)
        return run_in_place(n_tasks, fn, user, inside_worker);
    pthread_mutex_lock(&pool->submit);
    dsb_status status;
    if (pool->n_workers == 0 || n_tasks < 2) {
        struct dsbi_pool *outer = inside_pool;
        inside_pool = pool;
        inside_worker = 0;
        status = run_in_place(n_tasks, fn, user, 0);
        inside_pool = outer;
    } else {
        start_job(pool, n_tasks, fn, user);
        run_tasks(pool, 0);
        end_job(pool);
        mind_absence(pool);
        status = pool->failed_status;
        if (status != DSB_OK)
            dsbi_fail_text(status, pool->failed_message);
    }
    pthread_mutex_unlock(&pool->submit);
    return status;
}

bool dsbi_pool_inside(const dsb_runtime *rt, size_t *worker)
{
    *worker = inside_worker;
    return inside_pool == rt->pool;
}

dsb_status dsbi_pool_create(struct dsbi_pool **out, dsb_runtime *rt)
{
    *out = NULL;
    struct dsbi_pool *pool = dsbi_calloc(rt, 1, sizeof *pool);
    if (!pool)
        return DSB_E_NOMEM;
    pthread_mutex_init(&pool->submit, NULL);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pthread_cond_init(&pool->finished, NULL);
    pool->spins = rt->n_threads <= dsbi_cpu_count();
    for (size_t i = 0; i + 1 < rt->n_threads; i++) {
        pool->starts[i] = (worker_start){pool, i + 1};
        int error = pthread_create(&pool->threads[i], NULL, worker_main, &pool->starts[i]);
        if (error) {
            dsbi_pool_free(pool, rt);
            return dsbi_fail(DSB_E_NOMEM, "cannot start thread %zu of %zu: %s", i + 2,
                             rt->n_threads, strerror(error));
        }
        pool->n_workers++;
    }
    *out = pool;
    return DSB_OK;
}

void dsbi_pool_free(struct dsbi_pool *pool, dsb_runtime *rt)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    atomic_store(&pool->stop, true);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    for (size_t i = 0; i < pool->n_workers; i++)
        pthread_join(pool->threads[i], NULL);
    pthread_cond_destroy(&pool->finished);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->lock);
    pthread_mutex_destroy(&pool->submit);
    dsbi_free(rt, pool);
}
