/* Layer norm. */
#include "kernels/kernels.h"
#include "kernels/x86/vec.h"

#include <math.h>

#include "kernels/template/real_f32.h"
#include "kernels/x86/layernorm_vec.inc"
