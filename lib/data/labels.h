/* Labels beside images: an array of class numbers in a file, and the names of classes. */
#ifndef DSBI_DATA_LABELS_H
#define DSBI_DATA_LABELS_H

#include "data/format.h"

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

#endif
