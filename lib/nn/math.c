/* See math.h: the same wrappers for float and for double. */
#include "nn/math.h"

#include "tensor/matmul.h"

#define real float
#define NAME(x) x##_f32
#include "nn/math.inc"
#undef real
#undef NAME

#define real double
#define NAME(x) x##_f64
#include "nn/math.inc"
#undef real
#undef NAME
