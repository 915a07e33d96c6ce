/* Quick bilinear enlarging of bytes. */
#include "kernels/x86/stretch_vec.inc"
