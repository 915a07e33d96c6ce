/* See budget.h. */
#include "base/budget.h"

#include "base/runtime.h"

void dsbi_budget_init(dsbi_budget *budget)
{
    *budget = (dsbi_budget){.free_bytes = DSBI_BUDGET_BYTES};
    pthread_mutex_init(&budget->lock, NULL);
    pthread_cond_init(&budget->changed, NULL);
}

void dsbi_budget_destroy(dsbi_budget *budget)
{
    pthread_cond_destroy(&budget->changed);
    pthread_mutex_destroy(&budget->lock);
}

uint64_t dsbi_budget_take(dsb_runtime *rt, uint64_t n_bytes)
{
    dsbi_budget *budget = &rt->budget;
    uint64_t wanted = n_bytes < DSBI_BUDGET_BYTES ? n_bytes : DSBI_BUDGET_BYTES;
    pthread_mutex_lock(&budget->lock);
    uint64_t ticket = budget->next_ticket++;
    while (ticket != budget->serving || wanted > budget->free_bytes)
        pthread_cond_wait(&budget->changed, &budget->lock);
    budget->free_bytes -= wanted;
    budget->serving++;
    pthread_cond_broadcast(&budget->changed);
    pthread_mutex_unlock(&budget->lock);
    return wanted;
}

void dsbi_budget_give(dsb_runtime *rt, uint64_t taken)
{
    dsbi_budget *budget = &rt->budget;
    pthread_mutex_lock(&budget->lock);
    budget->free_bytes += taken;
    pthread_cond_broadcast(&budget->changed);
    pthread_mutex_unlock(&budget->lock);
}
