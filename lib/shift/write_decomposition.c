/* Error decomposition of Recht et al. 2019,
 *     L_S - L_S' = (L_S - L_D) + (L_D - L_D') + (L_D' - L_S'),
 * adaptivity + distribution + generalisation gap, and a sentence on what these data can say of
 * each. Only the sum is measured. The last term is bounded by the interval on the new set. The
 * first would bend or flatten the line as models improve; a constant that all models share cannot
 * be told from the distribution gap. */
#include <math.h>
#include <stdio.h>
#include "shift/shift.h"

static double mean_half_width(const dsbi_comparison *c, bool new_set)
{
    double sum = 0, n = 0, ci[2];
    for (size_t k = 0; k < c->n; k++) {
        const dsbi_shift_cell *cell = new_set ? DSBI_CELL_B(c, k) : DSBI_CELL_A(c, k);
        if (cell->counted &&
            dsb_stats_wilson(ci, cell->correct, cell->n, c->s->opts.alpha) == DSB_OK) {
            sum += (ci[1] - ci[0]) / 2;
            n += 1;
        }
    }
    return n > 0 ? sum / n : NAN;
}

static void write_sentence(dsbi_comparison *c, double gap, double half, const dsb_stats_line *line)
{
    char text[1200];
    char noise[200] = "";
    if (isfinite(half))
        snprintf(noise, sizeof noise,
                 " The finite size of the new set accounts for about \xc2\xb1%.1f points of each "
                 "model's "
                 "gap (generalisation gap).",
                 100 * half);
    char trend[400] = " With fewer than three models there is no line to judge by.";
    if (line->n >= 3)
        snprintf(trend, sizeof trend,
                 " On the %s scale the line has slope %.3f: %s. A constant penalty for adapting to "
                 "the original set, shared by all models, cannot be told apart from a "
                 "distribution gap.",
                 dsb_stats_scale_name(line->scale), line->slope,
                 !(line->p_slope_one < c->s->opts.alpha)
                     ? "models keep their differences, no sign that better models owe more to the "
                       "original set"
                 : line->slope > 1
                     ? "better models lose less, which speaks against overfitting by adaptation"
                     : "better models gain less on the new set than on the old one, on this scale; "
                       "compare the others before reading it as adaptation");
    snprintf(text, sizeof text, "%s %.1f points.%s%s",
             c->n > 1 ? "On average models lose" : "The model loses", 100 * gap, noise, trend);
    dsbi_json_write_key(c->w, "sentence");
    dsbi_json_write_string(c->w, text);
}

dsb_status dsbi_shift_write_decomposition(dsbi_comparison *c)
{
    if (!c->in_unit)
        return DSB_OK;
    double gap = 0, half_new = mean_half_width(c, true), half_old = mean_half_width(c, false);
    for (size_t k = 0; k < c->n; k++)
        gap += (c->x[k] - c->y[k]) / (double)c->n;
    dsb_stats_line line;
    dsb_stats_line_init(&line, sizeof line);
    dsb_status status =
        dsb_stats_fit(&line, c->x, c->y, NULL, c->n, c->s->opts.scale, c->s->opts.alpha);
    if (status == DSB_E_DATA) {
        dsbi_clear_error();
        status = DSB_OK;
    }
    DSBI_TRY(status);
    dsbi_json_write_key(c->w, "decomposition");
    dsbi_json_begin_object(c->w);
    dsbi_json_put_double(c->w, "total_gap", gap);
    dsbi_json_put_double(c->w, "generalisation_half_width", half_new);
    dsbi_json_put_double(c->w, "original_half_width", half_old);
    dsbi_json_write_key(c->w, "adaptivity_identified");
    dsbi_json_write_bool(c->w, false);
    write_sentence(c, gap, half_new, &line);
    dsbi_json_end_object(c->w);
    return DSB_OK;
}
