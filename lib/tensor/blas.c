/* The only file that calls OpenBLAS. The products of the library run on kernels of their own, whose
 * bits do not depend on threads or on the BLAS installed; OpenBLAS is the second opinion they are
 * checked and measured against. What Debian 12's 0.3.21 does to its callers, and the answers here:
 *
 * - Its threads change the bits of a product: it is set to one thread by the first product that
 * goes through here. That setting is process-wide.
 * - When it cannot map its work buffer (128 MiB a concurrent caller) it tries again for ever: as
 * much as our threads would need is mapped and given back first, and refused where that fails.
 * - It takes some new CPUs for old ones (Raptor Lake, Emerald Rapids: Prescott, SSE3 only; Zen 5:
 *   Haswell), and its choice, hence its bits, does not follow dsb_runtime_opts.isa_max: kernels of
 *   another level are refused.
 * - Above 64 callers it fails: the pool has at most 64 workers. */
#include "tensor/blas.h"

#include <cblas.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

/* 32 << 22 in OpenBLAS's common_x86_64.h, and a little for alignment */
static const size_t BUFFER_BYTES = ((size_t)128 << 20) + ((size_t)4 << 20);

static bool one_of(const char *name, const char *const *list)
{
    for (; *list; list++)
        if (strcmp(name, *list) == 0)
            return true;
    return false;
}

static bool core_fits(uint32_t isa, const char *core)
{
    static const char *const avx2[] = {"Haswell", "Zen", NULL};
    static const char *const avx512[] = {"SkylakeX", "Cooperlake", "SapphireRapids", NULL};
    if (isa == DSB_ISA_AVX512)
        return one_of(core, avx512);
    return isa == DSB_ISA_AVX2 && one_of(core, avx2);
}

static bool buffers_fit(size_t n_callers)
{
    const size_t size = n_callers * BUFFER_BYTES;
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return false;
    munmap(memory, size);
    return true;
}

const char *dsbi_blas_refusal(const dsb_runtime *rt)
{
    if (rt->isa == DSB_ISA_GENERIC)
        return "the generic level promises the same bits on every machine";
    if (!core_fits(rt->isa, openblas_get_corename()))
        return "OpenBLAS chose kernels of another CPU level";
    if (!buffers_fit(rt->n_threads))
        return "no address space for OpenBLAS's work buffers";
    return NULL;
}

void dsbi_blas_info_get(dsbi_blas_info *out)
{
    static const char *const threading[] = {"serial", "pthread", "openmp"};
    const int parallel = openblas_get_parallel();
    *out = (dsbi_blas_info){
        .config = openblas_get_config(),
        .core = openblas_get_corename(),
        .threading = parallel >= 0 && parallel < 3 ? threading[parallel] : "?",
        .threads = openblas_get_num_threads(),
    };
}

static void be_single(void)
{
    if (openblas_get_num_threads() != 1)
        openblas_set_num_threads(1);
}

static CBLAS_TRANSPOSE op(bool transposed)
{
    return transposed ? CblasTrans : CblasNoTrans;
}

void dsbi_blas_gemm_f32(bool trans_a, bool trans_b, size_t m, size_t n, size_t k, float alpha,
                        const float *a, size_t lda, const float *b, size_t ldb, float beta,
                        float *c, size_t ldc)
{
    be_single();
    cblas_sgemm(CblasRowMajor, op(trans_a), op(trans_b), (blasint)m, (blasint)n, (blasint)k, alpha,
                a, (blasint)lda, b, (blasint)ldb, beta, c, (blasint)ldc);
}

void dsbi_blas_gemm_f64(bool trans_a, bool trans_b, size_t m, size_t n, size_t k, double alpha,
                        const double *a, size_t lda, const double *b, size_t ldb, double beta,
                        double *c, size_t ldc)
{
    be_single();
    cblas_dgemm(CblasRowMajor, op(trans_a), op(trans_b), (blasint)m, (blasint)n, (blasint)k, alpha,
                a, (blasint)lda, b, (blasint)ldb, beta, c, (blasint)ldc);
}
