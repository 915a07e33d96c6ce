/* Resampling of bytes. */
#include "kernels/x86/resample_vec.inc"
