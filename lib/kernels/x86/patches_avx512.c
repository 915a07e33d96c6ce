/* Patch pooling. */
#include "kernels/kernels.h"
#include "kernels/x86/vec.h"

#include "kernels/template/real_f32.h"
#include "kernels/x86/patches_vec.inc"
