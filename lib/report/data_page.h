/* The page of a data summary: what its sections share. Field names: docs/data-summary.md. */
#ifndef DSBI_REPORT_DATA_PAGE_H
#define DSBI_REPORT_DATA_PAGE_H

#include "report/figures.h"
#include "report/number.h"
#include "report/record.h"
#include "report/style.h"

typedef struct dsbi_data_page {
    dsb_runtime *rt;
    dsbi_text *t;
    const dsbi_json_value *root, *datasets;
    size_t n; /* of the datasets */
} dsbi_data_page;

/* data_notes.c: what a reader should not miss */
void dsbi_data_notes(const dsbi_data_page *p);
/* data_figures.c: how the images are distributed */
dsb_status dsbi_data_shapes(const dsbi_data_page *p);
dsb_status dsbi_data_files(const dsbi_data_page *p);
dsb_status dsbi_data_light(const dsbi_data_page *p);
/* data_lists.c: classes, and files by name */
void dsbi_data_classes(const dsbi_data_page *p);
void dsbi_data_problems(const dsbi_data_page *p);
void dsbi_data_duplicates(const dsbi_data_page *p);

/* A table cell with a count. */
void dsbi_data_count_cell(dsbi_text *t, uint64_t n);
/* "exif_turned" -> "exif turned"; at most 63 bytes. */
void dsbi_data_words(dsbi_text *t, const char *name);
/* "1,490 JPEG, 3 PNG": members that are not zero. */
void dsbi_data_counts(dsbi_text *t, const dsbi_json_value *counts);
/* Number `key` of member `object` of a collection, NaN where it is not there. */
double dsbi_data_number(const dsbi_json_value *dataset, const char *object, const char *key);

#endif
