/* Softmax; cross-entropy is the specification once more, its rows are short. */
#include "kernels/kernels.h"
#include "kernels/x86/math_vec.h"

#include <math.h>
#include <string.h>

#include "kernels/template/real_f32.h"
#include "kernels/template/scalar_math.inc"
#define SOFTMAX_ONLY_XENT
#include "kernels/template/softmax.inc"
#include "kernels/x86/softmax_vec.inc"
