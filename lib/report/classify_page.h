/* The report of `classify`: what its sections share. Each section is a function that writes itself
 * or, without its data in the record, nothing. Field names: docs/results-schema.md. */
#ifndef DSBI_REPORT_CLASSIFY_PAGE_H
#define DSBI_REPORT_CLASSIFY_PAGE_H

#include "report/figures.h"
#include "report/number.h"
#include "report/record.h"
#include "report/style.h"

typedef struct dsbi_classify_page {
    dsb_runtime *rt;
    dsbi_text *t;
    const dsbi_json_value *root, *rungs, *datasets;
    const dsbi_json_value *headline; /* the rung the headline is about, NULL if none */
    const char **names;              /* [n] of the datasets */
    size_t n;
    double chance;
} dsbi_classify_page;

/* The rung of that name, NULL if the record has none. */
const dsbi_json_value *dsbi_classify_rung(const dsbi_json_value *rungs, const char *name);
/* "No difference found" ... for a verdict level, and its lamp (0 green, 1 amber, 2 red, -1 none).
 */
const char *dsbi_classify_level(const char *level, int *lamp);

/* classify_html.c: the top of the page */
void dsbi_classify_verdict(const dsbi_classify_page *p);
void dsbi_classify_facts(const dsbi_classify_page *p);
/* classify_results.c: what was found */
dsb_status dsbi_classify_ladder(const dsbi_classify_page *p);
dsb_status dsbi_classify_confusion(const dsbi_classify_page *p);
void dsbi_classify_null(const dsbi_classify_page *p);
dsb_status dsbi_classify_curves(const dsbi_classify_page *p);
void dsbi_classify_sample_size(const dsbi_classify_page *p);
/* classify_data.c: what it was found in, and how */
void dsbi_classify_examples(const dsbi_classify_page *p);
void dsbi_classify_data(const dsbi_classify_page *p);
void dsbi_classify_broken(const dsbi_classify_page *p);
void dsbi_classify_duplicates(const dsbi_classify_page *p);
void dsbi_classify_method(const dsbi_classify_page *p);
void dsbi_classify_glossary(const dsbi_classify_page *p);

#endif
