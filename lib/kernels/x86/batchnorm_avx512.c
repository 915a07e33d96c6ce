/* Batch norm. */
#include "kernels/kernels.h"
#include "kernels/x86/vec.h"

#include "kernels/template/real_f32.h"
#include "kernels/template/unroll.h"
#include "kernels/template/batchnorm_merge.inc"
#include "kernels/x86/batchnorm_vec.inc"
