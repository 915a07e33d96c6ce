/* The element type of the template files: double. */
#undef real
#undef FN
#undef REAL_IS_F32
#define real double
#define REAL_IS_F32 0
#define FN(op) dsbi_##op##_f64_generic
