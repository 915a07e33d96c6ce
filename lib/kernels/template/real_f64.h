/* The element type of the template files: double. */
#undef real
#undef FN
#undef REAL_IS_F32
#undef REAL_SQRT
#define real double
#define REAL_IS_F32 0
#define REAL_SQRT sqrt
#define FN(op) dsbi_##op##_f64_generic
#define DSBI_JOIN64_(op, isa) dsbi_##op##_f64_##isa
#define DSBI_JOIN64(op, isa) DSBI_JOIN64_(op, isa)
