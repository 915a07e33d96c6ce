/* One constant table per level, made from the rows of kernels.def. */
#include "kernels/kernels.h"

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

static void fill(dsbi_kernels *table, uint32_t isa)
{
    table->isa = isa;
#define VARIANT(op, suffix, ISA)
#define VARIANT_F64(op, suffix, ISA)
#define KERNEL(op, result, params)             \
    table->op##_f32 = dsbi_##op##_f32_generic; \
    table->op##_f64 = dsbi_##op##_f64_generic; \
    table->op##_isa = DSB_ISA_GENERIC;
#include "kernels/kernels.def"
#undef KERNEL
#undef VARIANT
#undef VARIANT_F64
#define KERNEL(op, result, params)
#define VARIANT_F64(op, suffix, ISA) \
    if (isa >= DSB_ISA_##ISA)        \
        table->op##_f64 = dsbi_##op##_f64_##suffix;
#define VARIANT(op, suffix, ISA)                    \
    if (isa >= DSB_ISA_##ISA) {                     \
        table->op##_f32 = dsbi_##op##_f32_##suffix; \
        table->op##_isa = DSB_ISA_##ISA;            \
    }
#include "kernels/kernels.def"
#undef VARIANT_F64
#undef VARIANT
#undef KERNEL
#define KERNEL_U8(op, result, params) table->op##_u8 = dsbi_##op##_u8_generic;
#define VARIANT_U8(op, suffix, ISA) \
    if (isa >= DSB_ISA_##ISA)       \
        table->op##_u8 = dsbi_##op##_u8_##suffix;
#include "kernels/bytes.def"
#undef VARIANT_U8
#undef KERNEL_U8
}

static dsbi_kernels tables[3]; /* generic, avx2, avx512; written once under `once` */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void fill_all(void)
{
    for (uint32_t i = 0; i < COUNT_OF(tables); i++)
        fill(&tables[i], DSB_ISA_GENERIC + i);
}

const dsbi_kernels *dsbi_kernels_for(uint32_t isa)
{
    pthread_once(&once, fill_all);
    if (!DSBI_ARCH_X86_64 || isa < DSB_ISA_GENERIC)
        isa = DSB_ISA_GENERIC;
    size_t level = isa - DSB_ISA_GENERIC;
    return &tables[level < COUNT_OF(tables) ? level : COUNT_OF(tables) - 1];
}

const dsbi_kernels *dsbi_kernels_of(const dsb_runtime *rt)
{
    return dsbi_kernels_for(rt->isa);
}
