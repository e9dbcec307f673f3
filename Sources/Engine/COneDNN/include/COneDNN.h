// oneDNN's C interface, the threads that run its parallel regions, and what it does not say of the processor.
#ifndef CONEDNN_H
#define CONEDNN_H

#include <oneapi/dnnl/dnnl.h>

/// Sets how many threads the parallel regions of the calling thread use from now on.
void conednn_set_threads(int threads);
/// How many threads they use now.
int conednn_threads(void);
/// Has the workers of the calling thread's team spin between its parallel regions from now on, in which so many threads
/// take part, itself included.
void conednn_begin_plan(int threads);
/// Lets them sleep.
void conednn_end_plan(int threads);
/// Whether the calling thread takes subnormal operands as zeros and makes zeros of subnormal results.
int conednn_flushes(void);
/// Has the calling thread do so from now on, or no longer. Returns whether it did before.
int conednn_set_flush(int flush);
/// How many threads of the calling thread's team do so, in a parallel region of this many; how many there were.
int conednn_flushing_threads(int threads, int *size);
/// Whether the processor is one of Intel's.
int conednn_is_intel(void);

#endif
