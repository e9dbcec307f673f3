// SPDX-License-Identifier: Apache-2.0
// The mode of a thread's floating-point unit.
#ifndef CONEDNN_SUBNORMALS_H
#define CONEDNN_SUBNORMALS_H

#if defined(__x86_64__)
#include <xmmintrin.h>
#elif defined(__aarch64__)
#include <sys/auxv.h>
#endif

// The bits that flush subnormal results and operands. On other processors the mask is 0, and nothing is changed.
#if defined(__x86_64__)
typedef unsigned control;
static inline control read_control(void) { return _mm_getcsr(); }
static inline void write_control(control value) { _mm_setcsr(value); }
static inline control mask(void) { return 0x8000 | 0x0040; }  // FTZ, DAZ
#elif defined(__aarch64__)
typedef unsigned long control;
static inline control read_control(void) {
    control value;
    __asm__ volatile("mrs %0, fpcr" : "=r"(value));
    return value;
}
static inline void write_control(control value) { __asm__ volatile("msr fpcr, %0" : : "r"(value) : "memory"); }
static inline control mask(void) {
    // FZ flushes operands too. FZ16 is reserved on processors without half-precision arithmetic (HWCAP_FPHP).
    return 1ul << 24 | (getauxval(AT_HWCAP) & 1ul << 9 ? 1ul << 19 : 0);
}
#else
typedef unsigned control;
static inline control read_control(void) { return 0; }
static inline void write_control(control value) { (void)value; }
static inline control mask(void) { return 0; }
#endif

#endif
