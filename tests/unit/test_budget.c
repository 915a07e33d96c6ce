/* The memory budget: never above its bound, in order of asking, one alone always gets through. And
 * progress events. */
#include "testing.h"

#include <pthread.h>
#include <stdatomic.h>
#include "base/budget.h"
#include "base/event.h"
#include "base/runtime.h"

enum { N_THREADS = 6, N_ROUNDS = 300 };

typedef struct shared {
    dsb_runtime *rt;
    atomic_uint_fast64_t held, most;
} shared;

static void *take_and_give(void *argument)
{
    shared *s = argument;
    for (uint64_t i = 0; i < N_ROUNDS; i++) {
        uint64_t wanted = (i % 7 + 1) * (DSBI_BUDGET_BYTES / 6);
        uint64_t taken = dsbi_budget_take(s->rt, wanted);
        uint64_t held = atomic_fetch_add(&s->held, taken) + taken;
        uint64_t most = atomic_load(&s->most);
        while (held > most && !atomic_compare_exchange_weak(&s->most, &most, held)) {
        }
        atomic_fetch_sub(&s->held, taken);
        dsbi_budget_give(s->rt, taken);
    }
    return NULL;
}

START_TEST(budget_is_kept)
{
    shared s = {.rt = make_runtime(1)};
    ck_assert_uint_eq(dsbi_budget_take(s.rt, UINT64_MAX), DSBI_BUDGET_BYTES);
    dsbi_budget_give(s.rt, DSBI_BUDGET_BYTES);
    pthread_t threads[N_THREADS];
    for (int i = 0; i < N_THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, take_and_give, &s), 0);
    for (int i = 0; i < N_THREADS; i++)
        pthread_join(threads[i], NULL);
    ck_assert_uint_le(atomic_load(&s.most), DSBI_BUDGET_BYTES);
    ck_assert_uint_eq(s.rt->budget.free_bytes, DSBI_BUDGET_BYTES);
    dsb_runtime_free(s.rt);
}
END_TEST

static int32_t answer(void *user, const dsb_event *event)
{
    ck_assert_str_eq(event->stage, "count");
    ck_assert_uint_eq(event->done, 3);
    ck_assert_uint_eq(event->total, 5);
    ck_assert_double_ge(event->seconds, 0);
    return *(int32_t *)user;
}

START_TEST(events_ask_to_stop)
{
    int32_t go_on = 0, stop = 7;
    ck_assert_ok(dsbi_event_send(NULL, NULL, "count", 3, 5, 0, 0, ""));
    ck_assert_ok(dsbi_event_send(answer, &go_on, "count", 3, 5, 0, 0, ""));
    ck_assert_fails(dsbi_event_send(answer, &stop, "count", 3, 5, 0, 0, ""), DSB_E_CANCELLED,
                    "count: stopped by the caller after 3 of 5");
}
END_TEST

int main(void)
{
    return run_tests("budget", budget_is_kept, events_ask_to_stop, NULL);
}
