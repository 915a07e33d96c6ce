/* The element type of the template files: float. DSBI_ISA_SUFFIX names the level. */
#undef real
#undef FN
#undef REAL_IS_F32
#undef REAL_SQRT
#define real float
#define REAL_IS_F32 1
#define REAL_SQRT sqrtf
#define DSBI_JOIN_(op, isa) dsbi_##op##_f32_##isa
#define DSBI_JOIN(op, isa) DSBI_JOIN_(op, isa)
#define FN(op) DSBI_JOIN(op, DSBI_ISA_SUFFIX)
