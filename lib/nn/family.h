/* A family of models: one file in lib/nn/models with one constant of this type. A model is named
 * by a family and options, "convnext:depths=1-1-3-1,dims=20-40-80-160", or by a short name that
 * stands for them, "convnext_470k"; options behind a short name overrule its own. */
#ifndef DSBI_NN_FAMILY_H
#define DSBI_NN_FAMILY_H

#include "nn/graph.h"

typedef struct dsbi_preset {
    const char *name;    /* "convnext_470k" */
    const char *options; /* "depths=1-1-3-1,dims=20-40-80-160" */
} dsbi_preset;

/* The options of one model, as text. Reading one marks it as known. */
enum { DSBI_MAX_OPTIONS = 32, DSBI_MAX_OPTION_TEXT = 64 };
typedef struct dsbi_spec {
    const struct dsbi_family *family;
    size_t n;
    struct {
        char key[DSBI_MAX_OPTION_TEXT], value[DSBI_MAX_OPTION_TEXT];
        bool used;
    } options[DSBI_MAX_OPTIONS];
} dsbi_spec;

typedef struct dsbi_family {
    const char *name;
    const char *options; /* for help: "depths=3-3-9-3 dims=96-192-384-768 ..." with defaults */
    const dsbi_preset *presets; /* ended by a NULL name */
    const dsbi_preset *aliases; /* other names, understood but not listed; NULL: none */
    /* Which of its models are made for the 32 px and 10 classes of CIFAR: those whose option is one
     * of these, "stem=conv|conv-norm"; "": all; NULL: none, all are for ImageNet's 224 and 1000. */
    const char *cifar;
    /* Declares the network from the image to the logits [1, 1, b->n_classes]. */
    void (*build)(dsbi_builder *b, dsbi_spec *spec);
} dsbi_family;

extern const dsbi_family *const dsbi_family_table[]; /* ended by NULL; made by cmake */

/* Names are compared without case, '-' is '_'. */
dsb_status dsbi_spec_parse(dsbi_spec *spec, const char *name);
bool dsbi_spec_for_cifar(const dsbi_spec *spec); /* see dsbi_family.cifar */
/* Sets or overrules an option. */
dsb_status dsbi_spec_set(dsbi_spec *spec, const char *key, const char *value);
/* Fails if an option was never read: INVALID, naming it and those there are. */
dsb_status dsbi_spec_check(const dsbi_spec *spec);

/* Readers: the value, or `missing`. A malformed value fails the builder. */
double dsbi_spec_real(dsbi_builder *b, dsbi_spec *spec, const char *key, double missing);
size_t dsbi_spec_count(dsbi_builder *b, dsbi_spec *spec, const char *key, size_t missing);
/* "1-1-3-1": at most `most` numbers, each in 1 .. 1e6; returns how many. */
size_t dsbi_spec_counts(dsbi_builder *b, dsbi_spec *spec, const char *key, size_t *out, size_t most,
                        const char *missing);
/* Which of "token|mean" the option says; 0, the first, where it is missing. */
size_t dsbi_spec_choice(dsbi_builder *b, dsbi_spec *spec, const char *key, const char *choices);

#endif
