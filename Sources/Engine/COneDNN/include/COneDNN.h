// oneDNN's C interface and the two calls of OpenMP that it leaves to its users.
#ifndef CONEDNN_H
#define CONEDNN_H

#include <oneapi/dnnl/dnnl.h>

/// Sets how many threads the parallel regions of the calling thread use from now on.
void conednn_set_threads(int threads);
/// How many threads they use now.
int conednn_threads(void);

#endif
