// SPDX-License-Identifier: Apache-2.0
#include "COneDNN.h"
#include "Subnormals.h"

// Defined in ThreadTeam.c.
extern void GOMP_parallel(void (*body)(void *), void *data, unsigned threads, unsigned flags);
extern void GOMP_barrier(void);

int conednn_flushes(void) { return (read_control() & mask()) == mask(); }

int conednn_set_flush(int flush) {
    control before = read_control(), bits = mask();
    int was = (before & bits) == bits;
    if (flush && !was) write_control(before | bits);
    if (!flush && (before & bits)) write_control(before & ~bits);
    return was;
}

static void count_thread(void *counts) {
    int *both = counts;
    __atomic_add_fetch(&both[0], 1, __ATOMIC_RELAXED);
    if (conednn_flushes()) __atomic_add_fetch(&both[1], 1, __ATOMIC_RELAXED);
    // Without the barrier, a thread that has finished could also take the share of a thread that has not arrived yet.
    GOMP_barrier();
}

int conednn_flushing_threads(int threads, int *size) {
    int counts[2] = {0, 0};
    GOMP_parallel(count_thread, counts, (unsigned)threads, 0);
    *size = counts[0];
    return counts[1];
}
