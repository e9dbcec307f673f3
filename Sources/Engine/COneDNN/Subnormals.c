#include "COneDNN.h"

#if defined(__x86_64__)
#include <xmmintrin.h>
#elif defined(__aarch64__)
#include <sys/auxv.h>
#endif

// Declared here for the reason that COneDNN.c gives. A parallel region is what a compiler makes of the pragma.
extern void GOMP_parallel(void (*body)(void *), void *data, unsigned threads, unsigned flags);
extern int omp_get_num_threads(void);
extern int omp_get_thread_num(void);

// The bits that flush: results and operands. On other processors there are none, and nothing is done.
#if defined(__x86_64__)
typedef unsigned control;
static control read_control(void) { return _mm_getcsr(); }
static void write_control(control value) { _mm_setcsr(value); }
static control mask(void) { return 0x8000 | 0x0040; }  // FTZ, DAZ
#elif defined(__aarch64__)
typedef unsigned long control;
static control read_control(void) {
    control value;
    __asm__ volatile("mrs %0, fpcr" : "=r"(value));
    return value;
}
static void write_control(control value) { __asm__ volatile("msr fpcr, %0" : : "r"(value) : "memory"); }
static control mask(void) {
    // FZ flushes operands too. FZ16 is reserved where there is no arithmetic of half precision (HWCAP_FPHP).
    return 1ul << 24 | (getauxval(AT_HWCAP) & 1ul << 9 ? 1ul << 19 : 0);
}
#else
typedef unsigned control;
static control read_control(void) { return 0; }
static void write_control(control value) { (void)value; }
static control mask(void) { return 0; }
#endif

// How many threads of the calling thread's team are known to flush. A thread that makes a team makes its threads
// itself, and they take over its mode: so the number holds as long as this thread flushes, whatever the library
// ends and makes again, and is forgotten when it no longer does.
static _Thread_local int known_threads = 0;

int conednn_flushes(void) { return (read_control() & mask()) == mask(); }

int conednn_set_flush(int flush) {
    control before = read_control(), bits = mask();
    int was = (before & bits) == bits;
    if (flush && !was) write_control(before | bits);
    if (!flush) {
        known_threads = 0;
        if (before & bits) write_control(before & ~bits);
    }
    return was;
}

static void flush_thread(void *size) {
    control value = read_control(), bits = mask();
    if ((value & bits) != bits) write_control(value | bits);
    if (omp_get_thread_num() == 0) *(int *)size = omp_get_num_threads();
}

void conednn_flush_team(int threads) {
    if (threads <= known_threads || threads < 2 || !conednn_flushes()) return;
    int size = 0;
    GOMP_parallel(flush_thread, &size, (unsigned)threads, 0);
    // A team of one leaves the threads of an earlier one as they are. Where fewer came than were asked for, so it is
    // with primitives.
    if (size > 1) known_threads = threads;
}

static void count_thread(void *counts) {
    int *both = counts;
    __atomic_add_fetch(&both[0], 1, __ATOMIC_RELAXED);
    if (conednn_flushes()) __atomic_add_fetch(&both[1], 1, __ATOMIC_RELAXED);
}

int conednn_flushing_threads(int threads, int *size) {
    int counts[2] = {0, 0};
    GOMP_parallel(count_thread, counts, (unsigned)threads, 0);
    *size = counts[0];
    return counts[1];
}
