// SPDX-License-Identifier: Apache-2.0
#include "COpenBLAS.h"

#include <cblas.h>

// Debian's libopenblas-dev installs no lapacke.h, so the LAPACK routines are declared here as LAPACK documents them. The
// hidden last arguments are the lengths of the character arguments, as gfortran passes them.
extern void dposv_(
    const char *uplo, const int *n, const int *nrhs, double *a, const int *lda, double *b, const int *ldb, int *info,
    unsigned long uplo_length);
extern void dsyev_(
    const char *jobz, const char *uplo, const int *n, double *a, const int *lda, double *w, double *work,
    const int *lwork, int *info, unsigned long jobz_length, unsigned long uplo_length);

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

int infenclave_blas_eigenvectors(int size, double *matrix, double *values, double *work) {
    int info = 0, length = 34 * size;
    // The row-major upper triangle is the column-major lower one; eigenvectors in columns are rows here.
    dsyev_("V", "L", &size, matrix, &size, values, work, &length, &info, 1, 1);
    return info;
}
