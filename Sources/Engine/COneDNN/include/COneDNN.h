// oneDNN's C interface, the two calls of OpenMP that it leaves to its users, and what it does not say of the processor.
#ifndef CONEDNN_H
#define CONEDNN_H

#include <oneapi/dnnl/dnnl.h>

/// Sets how many threads the parallel regions of the calling thread use from now on.
void conednn_set_threads(int threads);
/// How many threads they use now.
int conednn_threads(void);
/// Whether the processor is one of Intel's.
int conednn_is_intel(void);

#endif
