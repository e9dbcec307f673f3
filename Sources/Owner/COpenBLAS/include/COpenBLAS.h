// SPDX-License-Identifier: Apache-2.0
#ifndef COPENBLAS_H
#define COPENBLAS_H

// The dense linear algebra of the assessment. Matrices are dense and row-major. Every function may be called from
// several threads concurrently.

/// Sets the number of threads of one call, for the whole process.
void infenclave_blas_set_threads(int threads);

/// Version, options and kernel of the library; valid as long as the process.
const char *infenclave_blas_description(void);

/// gram += rows' * rows, upper triangle only. `rows` is [count, width], `gram` [width, width].
void infenclave_blas_add_gram(int count, int width, const double *rows, double *gram);

/// result = scale * result + a' * b with a [inner, rows], b [inner, columns].
void infenclave_blas_multiply_transposed(
    int rows, int columns, int inner, const double *a, const double *b, double scale, double *result);

/// result = a * b with a [rows, inner], b [inner, columns].
void infenclave_blas_multiply(int rows, int columns, int inner, const double *a, const double *b, double *result);

/// result = a * b with a [rows, inner], b [inner, columns], in single precision.
void infenclave_blas_multiply_single(
    int rows, int columns, int inner, const float *a, const float *b, float *result);

/// Replaces the upper triangle of the symmetric positive definite `matrix` [size, size] by its Cholesky factor and the
/// `count` right-hand sides, one after the other in `sides` [count, size], by the solutions.
/// Returns 0, or k > 0 when the leading minor of order k is not positive definite.
int infenclave_blas_solve_positive(int size, int count, double *matrix, double *sides);

/// Replaces `matrix` [size, size], of which only the upper triangle is read, by its eigenvectors, one per row, and
/// writes the eigenvalues in ascending order. `work` has at least 1 + 6 * size + 2 * size² elements, which is `length`;
/// `indices` has at least 3 + 5 * size, which is `count`. Returns 0, or k > 0 when the iteration did not converge.
int infenclave_blas_eigenvectors(
    int size, double *matrix, double *values, double *work, int length, int *indices, int count);

#endif
