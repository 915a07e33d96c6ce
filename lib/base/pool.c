/* A pool of n_threads - 1 workers; the caller is worker 0. One job at a time: a counter hands out
 * task numbers, the last worker to leave wakes the caller. Workers spin briefly before they sleep:
 * a training step issues hundreds of jobs of some 100 us each. */
#include "base/pool.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { MAX_WORKERS = 64, SPIN_ROUNDS = 2000, MESSAGE_BYTES = 1024 };

typedef struct worker_start {
    struct dsbi_pool *pool;
    size_t index;
} worker_start;

struct dsbi_pool {
    size_t n_workers; /* threads beside the caller */
    pthread_t threads[MAX_WORKERS];
    worker_start starts[MAX_WORKERS];
    pthread_mutex_t submit; /* one job at a time */
    pthread_mutex_t lock;
    pthread_cond_t wake, finished;
    atomic_uint_fast64_t generation; /* counts jobs; workers wait for it to move */
    bool stop;

    dsbi_task_fn fn; /* the job */
    void *user;
    size_t n_tasks;
    atomic_size_t next;
    atomic_size_t busy;

    size_t failed_task;       /* lowest failed task, SIZE_MAX if none; under lock */
    atomic_size_t fail_limit; /* tasks at or above it need not start */
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

static void run_tasks(struct dsbi_pool *pool, size_t worker)
{
    struct dsbi_pool *outer = inside_pool;
    size_t outer_worker = inside_worker;
    inside_pool = pool;
    inside_worker = worker;
    for (;;) {
        size_t task = atomic_fetch_add_explicit(&pool->next, 1, memory_order_relaxed);
        if (task >= pool->n_tasks)
            break;
        if (task > atomic_load_explicit(&pool->fail_limit, memory_order_relaxed))
            continue;
        dsb_status status = pool->fn(pool->user, task, worker);
        if (status < 0)
            note_failure(pool, task, status);
    }
    inside_pool = outer;
    inside_worker = outer_worker;
}

static void *worker_main(void *argument)
{
    const worker_start *start = argument;
    struct dsbi_pool *pool = start->pool;
    uint64_t seen = 0;
    for (;;) {
        for (int spin = 0; spin < SPIN_ROUNDS && atomic_load(&pool->generation) == seen; spin++)
            pause_cpu();
        pthread_mutex_lock(&pool->lock);
        while (atomic_load(&pool->generation) == seen && !pool->stop)
            pthread_cond_wait(&pool->wake, &pool->lock);
        bool stop = pool->stop;
        seen = atomic_load(&pool->generation);
        pthread_mutex_unlock(&pool->lock);
        if (stop)
            return NULL;
        run_tasks(pool, start->index);
        if (atomic_fetch_sub(&pool->busy, 1) == 1) {
            pthread_mutex_lock(&pool->lock);
            pthread_cond_signal(&pool->finished);
            pthread_mutex_unlock(&pool->lock);
        }
    }
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

static void start_job(struct dsbi_pool *pool, size_t n_tasks, dsbi_task_fn fn, void *user)
{
    pool->fn = fn;
    pool->user = user;
    pool->n_tasks = n_tasks;
    atomic_store(&pool->next, 0);
    atomic_store(&pool->busy, pool->n_workers);
    pool->failed_task = SIZE_MAX;
    atomic_store(&pool->fail_limit, SIZE_MAX);
    pool->failed_status = DSB_OK;
    pthread_mutex_lock(&pool->lock);
    atomic_fetch_add(&pool->generation, 1);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
}

static void wait_for_workers(struct dsbi_pool *pool)
{
    for (int spin = 0; spin < SPIN_ROUNDS && atomic_load(&pool->busy) != 0; spin++)
        pause_cpu();
    pthread_mutex_lock(&pool->lock);
    while (atomic_load(&pool->busy) != 0)
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
        wait_for_workers(pool);
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
    pool->stop = true;
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
