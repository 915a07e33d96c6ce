/* Two lines, one on either side of a pivot: for a new set that was made against one model, as
 * ImageNet-A was against ResNet-50, whose line has a corner there. Points at the pivot itself
 * belong to neither side, as in the testbed of Taori et al. 2020. */
#include "base/runtime.h"
#include "stats/special.h"

dsb_status dsb_stats_fit_two(dsb_runtime *rt, dsb_stats_line *below, dsb_stats_line *above,
                             const double *x, const double *y, const double *weights, uint64_t n,
                             double pivot, uint32_t scale, double alpha)
{
    dsbi_clear_error();
    if (!rt || !below || !above || (n > 0 && (!x || !y)))
        return dsbi_fail(DSB_E_INVALID, "two lines need a runtime, arrays and places to write");
    if (isnan(pivot))
        return dsbi_fail(DSB_E_INVALID, "the pivot is not a number");
    double *side = dsbi_alloc_array(rt, (size_t)n + 1, sizeof *side);
    if (!side)
        return DSB_E_NOMEM;
    dsb_status status = DSB_OK;
    for (int up = 0; up < 2 && status == DSB_OK; up++) { /* the other side is not there: NaN */
        dsb_stats_line *line = up ? above : below;
        uint64_t there = 0;
        for (uint64_t i = 0; i < n; i++) {
            bool here = up ? x[i] > pivot : x[i] < pivot;
            side[i] = here ? x[i] : NAN;
            there += here;
        }
        status = dsb_stats_fit(line, side, y, weights, n, scale, alpha);
        status = dsbi_fail_at(status, "%s the pivot", up ? "above" : "below");
        if (status == DSB_OK)
            line->n_dropped = there - line->n; /* points of the other side were not dropped */
    }
    dsbi_free(rt, side);
    return status;
}
