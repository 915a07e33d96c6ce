/* Heap sort: in place, no recursion, no worst case. */
#include "stats/ordering.h"

static void sift_f64(double *x, size_t root, size_t n)
{
    for (size_t child; (child = 2 * root + 1) < n; root = child) {
        if (child + 1 < n && x[child + 1] > x[child])
            child++;
        if (x[root] >= x[child])
            return;
        double t = x[root];
        x[root] = x[child];
        x[child] = t;
    }
}

void dsbi_sort_f64(double *x, size_t n)
{
    for (size_t i = n / 2; i-- > 0;)
        sift_f64(x, i, n);
    for (size_t end = n; end-- > 1;) {
        double t = x[0];
        x[0] = x[end];
        x[end] = t;
        sift_f64(x, 0, end);
    }
}

static int after(size_t a, size_t b, const double *key)
{
    return key[a] > key[b] || (key[a] == key[b] && a > b);
}

static void sift_order(size_t *order, size_t root, size_t n, const double *key)
{
    for (size_t child; (child = 2 * root + 1) < n; root = child) {
        if (child + 1 < n && after(order[child + 1], order[child], key))
            child++;
        if (!after(order[child], order[root], key))
            return;
        size_t t = order[root];
        order[root] = order[child];
        order[child] = t;
    }
}

void dsbi_sort_order(size_t *order, size_t n, const double *key)
{
    for (size_t i = n / 2; i-- > 0;)
        sift_order(order, i, n, key);
    for (size_t end = n; end-- > 1;) {
        size_t t = order[0];
        order[0] = order[end];
        order[end] = t;
        sift_order(order, 0, end, key);
    }
}

void dsbi_rank_average(double *rank, const double *x, size_t n, size_t *order)
{
    for (size_t i = 0; i < n; i++)
        order[i] = i;
    dsbi_sort_order(order, n, x);
    for (size_t i = 0, j; i < n; i = j) {
        for (j = i + 1; j < n && x[order[j]] == x[order[i]]; j++) {
        }
        for (size_t k = i; k < j; k++)
            rank[order[k]] = 0.5 * (double)(i + 1 + j);
    }
}
