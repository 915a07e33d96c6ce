/* The look of every report, in one place: a style sheet without outside resources, for light and
 * dark screens and for paper. */
#ifndef DSBI_REPORT_STYLE_H
#define DSBI_REPORT_STYLE_H

#include "report/html.h"

/* Doctype to <main>: title, policy (no scripts, nothing loaded from anywhere), style sheet. */
void dsbi_page_begin(dsbi_text *t, const char *title);
void dsbi_page_end(dsbi_text *t);

/* A card with a heading and, if `lead` is not empty, a sentence below it. */
void dsbi_section_begin(dsbi_text *t, const char *id, const char *heading, const char *lead);
void dsbi_section_end(dsbi_text *t);

/* A word with its explanation as a tooltip. */
void dsbi_page_term(dsbi_text *t, const char *word, const char *meaning);

/* A small card: what, its value in large letters, a line more. Between <div class="facts"> tags. */
void dsbi_page_fact(dsbi_text *t, const char *what, const char *value, const char *more);

#endif
