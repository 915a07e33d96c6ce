/* Shared by the two that time steps: a batch of noise, and order among seconds. */
#ifndef DSBI_TRAIN_MEASURE_H
#define DSBI_TRAIN_MEASURE_H

#include <stddef.h>
#include <stdint.h>

/* Noise in `size` bytes; labels [n], which may be NULL, in turn. */
void dsbi_measure_noise(uint8_t *images, size_t size, uint32_t *labels, size_t n, size_t n_classes);
/* Ascending. */
void dsbi_measure_sort(double *seconds, size_t n);

#endif
