/* Winograd transforms. */
#include "kernels/kernels.h"
#include "kernels/x86/vec.h"

#include "kernels/x86/winograd_vec.inc"
