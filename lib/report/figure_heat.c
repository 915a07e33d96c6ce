/* A matrix as a heat map: rows are the truth, columns the answer. */
#include "report/figures.h"

#include <math.h>
#include <stdio.h>
#include "report/number.h"

static void draw_cell(dsbi_text *t, const dsbi_heat *figure, size_t r, size_t c, double x, double y,
                      double cell)
{
    double share = figure->shares[r * figure->n_columns + c];
    bool known = isfinite(share);
    dsbi_number percent, count;
    dsbi_number_percent(&percent, share);
    dsbi_html(t, "<g><rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" class=\"cell%s\" ",
              x, y, cell - 2, cell - 2, r == c ? " diagonal" : "");
    dsbi_html(t, "fill-opacity=\"%.3f\"/>", known ? 0.06 + 0.94 * share : 0.0);
    if (figure->counts)
        dsbi_number_count(&count, figure->counts[r * figure->n_columns + c]);
    else
        count.text[0] = '\0';
    dsbi_html(t, "<title>%s taken for %s: %s%s%s</title>", figure->rows[r], figure->columns[c],
              count.text, *count.text ? ", " : "", percent.text);
    const char *ink = share > 0.55 ? "cell-text on" : "cell-text";
    double middle = x + cell / 2 - 1;
    if (cell >= 40) {
        char text[16];
        snprintf(text, sizeof text, "%.*f %%", cell >= 54 ? 1 : 0, 100 * share);
        dsbi_svg_text(t, middle, y + cell / 2 + (*count.text && cell >= 54 ? 0 : 4), ink, "middle",
                      known ? text : "", 0);
    }
    if (cell >= 54 && *count.text)
        dsbi_html(t,
                  "<text x=\"%.1f\" y=\"%.1f\" class=\"%s small\" text-anchor=\"middle\">%s</text>",
                  middle, y + cell / 2 + 16, ink, count.text);
    dsbi_text_add(t, "</g>\n");
}

void dsbi_figure_heat(dsbi_text *t, const dsbi_heat *figure)
{
    size_t n = figure->n_columns > figure->n_rows ? figure->n_columns : figure->n_rows;
    enum { LEFT = 128, TOP = 62 };
    double cell = fmin(fmax((figure->width - LEFT) / (double)(n ? n : 1), 24), 104);
    bool slanted = cell < 84;
    double head = slanted ? TOP + 34 : TOP;
    double right = LEFT + cell * (double)figure->n_columns;
    double bottom = head + cell * (double)figure->n_rows;
    dsbi_svg_begin(t, right + (slanted ? 60 : 10), bottom + 10, figure->title,
                   "a matrix; each row adds up to 100 per cent");
    dsbi_svg_text(t, (LEFT + right) / 2, 18, "caption", "middle", figure->column_caption, 0);
    dsbi_html(t,
              "<text transform=\"translate(14 %.1f) rotate(-90)\" class=\"caption\" "
              "text-anchor=\"middle\">%s</text>\n",
              (head + bottom) / 2, figure->row_caption);
    for (size_t c = 0; c < figure->n_columns; c++) {
        double x = LEFT + cell * ((double)c + 0.5);
        dsbi_short name;
        dsbi_html_shorten(&name, figure->columns[c], slanted ? 14 : (size_t)(cell / 7));
        if (slanted)
            dsbi_html(t,
                      "<text transform=\"translate(%.1f %.1f) rotate(-40)\" "
                      "class=\"label\">%s<title>%s</title></text>\n",
                      x, head - 8, name.text, figure->columns[c]);
        else
            dsbi_svg_text(t, x, head - 10, "label", "middle", figure->columns[c],
                          (size_t)(cell / 7));
    }
    for (size_t r = 0; r < figure->n_rows; r++) {
        double y = head + cell * (double)r;
        dsbi_svg_text(t, LEFT - 8, y + cell / 2 + 4, "label", "end", figure->rows[r], 14);
        for (size_t c = 0; c < figure->n_columns; c++)
            draw_cell(t, figure, r, c, LEFT + cell * (double)c, y, cell);
    }
    dsbi_svg_end(t);
}
