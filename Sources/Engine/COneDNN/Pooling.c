// SPDX-License-Identifier: Apache-2.0
#include "COneDNN.h"
#include "Vectors.h"

#include <math.h>

typedef struct {
    const conednn_windows *windows;
    const block *source;
    block *destination;
} maximum_job;

// Computes the calling thread's share of the result's rows.
WITH_VECTORS_OF_8 static void pool_share(void *data) {
    const maximum_job *job = data;
    const conednn_windows w = *job->windows;
    int64_t threads = omp_get_num_threads(), thread = omp_get_thread_num();
    int64_t rows = w.planes * w.result[0];
    int64_t end = rows * (thread + 1) / threads;
    for (int64_t row = rows * thread / threads; row < end; row++) {
        int64_t top = row % w.result[0] * w.strides[0] - w.pads[0];
        const block *plane = job->source + row / w.result[0] * w.extents[0] * w.extents[1];
        block *result = job->destination + row * w.result[1];
        for (int64_t column = 0; column < w.result[1]; column++) {
            int64_t left = column * w.strides[1] - w.pads[1];
            block maximum = (block){} - INFINITY;
            for (int64_t i = 0; i < w.kernel[0]; i++) {
                int64_t y = top + i * w.dilations[0];
                if (y < 0 || y >= w.extents[0]) continue;
                for (int64_t j = 0; j < w.kernel[1]; j++) {
                    int64_t x = left + j * w.dilations[1];
                    if (x < 0 || x >= w.extents[1]) continue;
                    block value = plane[y * w.extents[1] + x];
                    maximum = larger(value, maximum);
                }
            }
            result[column] = maximum;
        }
    }
}

void conednn_pool_maximum(const conednn_windows *windows, const float *source, float *destination) {
    maximum_job job = {windows, (const block *)source, (block *)destination};
    // Without a team, the calling thread computes all rows.
    int threads = conednn_threads();
    if (threads > 1) GOMP_parallel(pool_share, &job, (unsigned)threads, 0);
    else pool_share(&job);
}
