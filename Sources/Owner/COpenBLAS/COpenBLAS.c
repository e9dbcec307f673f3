// SPDX-License-Identifier: Apache-2.0
#include "COpenBLAS.h"

#include <cblas.h>
#include <stdlib.h>
#include <string.h>

// Debian's libopenblas-dev installs no lapacke.h, so the LAPACK routines are declared here as LAPACK documents them. The
// hidden last arguments are the lengths of the character arguments, as gfortran passes them.
extern void dposv_(
    const char *uplo, const int *n, const int *nrhs, double *a, const int *lda, double *b, const int *ldb, int *info,
    unsigned long uplo_length);
extern void dsyevd_(
    const char *jobz, const char *uplo, const int *n, double *a, const int *lda, double *w, double *work,
    const int *lwork, int *iwork, const int *liwork, int *info, unsigned long jobz_length, unsigned long uplo_length);

// OpenBLAS's own start and end of its choice of kernels, which its shared library exports; absent in some builds.
extern void gotoblas_dynamic_init(void) __attribute__((weak));
extern void gotoblas_dynamic_quit(void) __attribute__((weak));

#if defined(__x86_64__)
// OpenBLAS knows processors by their model numbers. On one that is newer than the library it falls back to kernels of
// 2004 (Prescott, SSE3), a quarter as fast. Here the instructions that the processor has decide. It runs before main, so
// no thread computes yet; a choice in the environment stays.
__attribute__((constructor)) static void choose_kernels(void) {
    if (gotoblas_dynamic_init == NULL || gotoblas_dynamic_quit == NULL || getenv("OPENBLAS_CORETYPE") != NULL) return;
    if (strcmp(openblas_get_corename(), "Prescott") != 0) return;
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return;
    int has_avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
        && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    setenv("OPENBLAS_CORETYPE", has_avx512 ? "SkylakeX" : "Haswell", 0);
    gotoblas_dynamic_quit();
    gotoblas_dynamic_init();
    unsetenv("OPENBLAS_CORETYPE");
}
#endif

void infenclave_blas_set_threads(int threads) { openblas_set_num_threads(threads); }

const char *infenclave_blas_description(void) { return openblas_get_config(); }

void infenclave_blas_add_gram(int count, int width, const double *rows, double *gram) {
    cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, width, count, 1, rows, width, 1, gram, width);
}

void infenclave_blas_multiply_transposed(
    int rows, int columns, int inner, const double *a, const double *b, double scale, double *result) {
    cblas_dgemm(
        CblasRowMajor, CblasTrans, CblasNoTrans, rows, columns, inner, 1, a, rows, b, columns, scale, result, columns);
}

void infenclave_blas_multiply(int rows, int columns, int inner, const double *a, const double *b, double *result) {
    cblas_dgemm(
        CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, columns, inner, 1, a, inner, b, columns, 0, result, columns);
}

void infenclave_blas_multiply_single(
    int rows, int columns, int inner, const float *a, const float *b, float *result) {
    cblas_sgemm(
        CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, columns, inner, 1, a, inner, b, columns, 0, result, columns);
}

int infenclave_blas_solve_positive(int size, int count, double *matrix, double *sides) {
    int info = 0;
    // The row-major upper triangle is the column-major lower one, and consecutive right-hand sides are columns.
    dposv_("L", &size, &count, matrix, &size, sides, &size, &info, 1);
    return info;
}

int infenclave_blas_eigenvectors(
    int size, double *matrix, double *values, double *work, int length, int *indices, int count) {
    int info = 0;
    // The row-major upper triangle is the column-major lower one; eigenvectors in columns are rows here. Divide and
    // conquer (Cuppen 1981) computes in products of matrices what QR iterations compute in rotations.
    dsyevd_("V", "L", &size, matrix, &size, values, work, &length, indices, &count, &info, 1, 1);
    return info;
}
