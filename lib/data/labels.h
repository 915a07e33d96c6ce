/* Labels beside images: an array of class numbers in a file, and the names of classes. */
#ifndef DSBI_DATA_LABELS_H
#define DSBI_DATA_LABELS_H

#include "data/format.h"
#include "data/origin.h"

enum { DSBI_MAX_CLASSES = 65536 };

/* One class number an image, from an .npy array of integers or a text with a number a line.
 * `*labels` is the caller's (dsbi_free). DSB_E_DATA when there are not `n` of them, with both
 * counts; DSB_E_FORMAT for what is no class number, with its place. */
dsb_status dsbi_labels_read(dsb_runtime *rt, uint32_t **labels, uint64_t n, const char *path);

/* The same of an .npy held in memory, into labels [n]. */
dsb_status dsbi_labels_from_npy(uint32_t *labels, uint64_t n, const uint8_t *bytes, size_t size);

/* 1 + the largest of n labels; 0 if there is none. */
uint32_t dsbi_labels_classes(const uint32_t *labels, uint64_t n);

/* Declares the classes: by the lines of option classes=FILE if it is given (at least n of them),
 * else by `text` (n lines; NULL: none), else by their numbers. */
dsb_status dsbi_listing_classes(dsbi_listing *listing, uint32_t n, const char *text);

/* A list of at least n_least class names that lies at `path`, yours (dsbi_free); NULL if there is
 * none that fits. */
dsb_status dsbi_listing_list_beside(dsbi_listing *listing, char **text, uint32_t n_least,
                                    const char *path);

/* As dsbi_listing_classes, but without the option the lines of the file at `beside` are taken where
 * there is one that has enough of them. */
dsb_status dsbi_listing_classes_beside(dsbi_listing *listing, uint32_t n, const char *beside);

/* Where labels or class names of an array of images lie: its name with `word` in the place of
 * "images" or "data", else with "_word" behind it, and `ending`. "x_data.npy" and "x.npy" ->
 * "x_labels.npy". */
void dsbi_labels_beside(char *out, size_t capacity, const char *path, const char *word,
                        const char *ending);

#endif
