// SPDX-License-Identifier: Apache-2.0
// oneDNN's C interface, the threads that run its parallel regions, and processor features that oneDNN does not report.
#ifndef CONEDNN_H
#define CONEDNN_H

#include <oneapi/dnnl/dnnl.h>

/// Sets the number of threads of the calling thread's parallel regions.
void conednn_set_threads(int threads);
/// The number of threads of the calling thread's parallel regions.
int conednn_threads(void);
/// Makes the workers of the calling thread's team spin between parallel regions, in which `threads` threads take part,
/// including the calling thread.
void conednn_begin_plan(int threads);
/// Lets the workers sleep again.
void conednn_end_plan(int threads);
/// Whether the calling thread flushes subnormal operands and results to zero.
int conednn_flushes(void);
/// Switches flushing on or off for the calling thread. Returns the previous setting.
int conednn_set_flush(int flush);
/// The number of threads of the calling thread's team that flush, in a parallel region of `threads` threads. `size`
/// gets the number of threads that took part.
int conednn_flushing_threads(int threads, int *size);
/// Whether this is an Intel processor.
int conednn_is_intel(void);

#endif
