// SPDX-License-Identifier: Apache-2.0
// Vectors of eight channels, for loops over tensors whose channels are in blocks of 8.
#ifndef VECTORS_H
#define VECTORS_H

#include <stdint.h>

// `larger` and `smaller` return the second operand if either is NaN.
#if defined(__x86_64__)
#include <immintrin.h>
#define WITH_VECTORS_OF_8 __attribute__((target("avx2,fma")))
typedef __m256 block __attribute__((aligned(4)));
#define larger(first, second) _mm256_max_ps(first, second)
#define smaller(first, second) _mm256_min_ps(first, second)
#else
#define WITH_VECTORS_OF_8
typedef float block __attribute__((vector_size(32), aligned(4)));
typedef int32_t mask __attribute__((vector_size(32)));
static inline block selected(mask which, block first, block second) {
    return (block)((which & (mask)first) | (~which & (mask)second));
}
static inline block larger(block first, block second) { return selected(first > second, first, second); }
static inline block smaller(block first, block second) { return selected(first < second, first, second); }
#endif

// Defined in ThreadTeam.c.
extern void GOMP_parallel(void (*body)(void *), void *data, unsigned threads, unsigned flags);
extern int omp_get_num_threads(void);
extern int omp_get_thread_num(void);

#endif
