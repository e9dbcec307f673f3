// SPDX-License-Identifier: Apache-2.0
// oneDNN's C interface, the threads that run its parallel regions, and processor features that oneDNN does not report.
#ifndef CONEDNN_H
#define CONEDNN_H

#include <oneapi/dnnl/dnnl.h>
#include <stdint.h>

/// Sets the number of threads of the calling thread's parallel regions.
void conednn_set_threads(int threads);
/// The number of threads of the calling thread's parallel regions.
int conednn_threads(void);
/// Makes the workers of the calling thread's team spin between parallel regions, in which `threads` threads take part,
/// including the calling thread.
void conednn_begin_plan(int threads);
/// Lets the workers sleep again.
void conednn_end_plan(int threads);
/// Processor time in nanoseconds.
typedef struct {
    /// The calling thread, outside of parallel regions.
    int64_t serial;
    /// The longest share of each region, added up: what the regions take if each thread has a core.
    int64_t longest;
    /// All shares of all regions, added up.
    int64_t shares;
} conednn_times;
/// Starts or stops measuring the calling thread's parallel regions.
void conednn_measure(int measures);
/// What was measured since the last call, or since measuring began.
conednn_times conednn_measured(void);
/// Whether the calling thread flushes subnormal operands and results to zero.
int conednn_flushes(void);
/// Switches flushing on or off for the calling thread. Returns the previous setting.
int conednn_set_flush(int flush);
/// The number of threads of the calling thread's team that flush, in a parallel region of `threads` threads. `size`
/// gets the number of threads that took part.
int conednn_flushing_threads(int threads, int *size);
/// The placeholder for a factor that is passed as an operand of each execution. Swift does not import the macro.
static inline float conednn_operand_scale(void) { return DNNL_RUNTIME_F32_VAL; }
/// Windows over the two last axes of a tensor whose channels are in blocks of 8. Extents are those of height and width.
typedef struct {
    /// Images times blocks of channels.
    int64_t planes;
    int64_t extents[2];
    int64_t result[2];
    int64_t kernel[2];
    int64_t strides[2];
    int64_t dilations[2];
    /// Above, and to the left.
    int64_t pads[2];
} conednn_windows;
/// The maximum of each window, by the calling thread's team. NaN is never the maximum; a window without an element gives
/// minus infinity. On x86 the processor must have AVX2 and FMA.
void conednn_pool_maximum(const conednn_windows *windows, const float *source, float *destination);
/// The division of planes into overlapping tiles for Winograd's minimal filtering of 3x3 kernels (Lavin and Gray, arXiv
/// 1509.09308). Channels are in blocks of 8.
typedef struct {
    /// Blocks of channels of an image.
    int64_t blocks;
    /// Height and width of a plane.
    int64_t extents[2];
    /// Rows above, and columns to the left of the plane, that the first tile covers.
    int64_t pads[2];
    /// Rows and columns of tiles in a plane.
    int64_t grid[2];
    /// Tiles in a plane, times images.
    int64_t tiles;
    /// Side length of a tile of results: 2 or 4. A tile of the source is larger by 2.
    int64_t side;
} conednn_tiling;
/// Bᵀ d B of the tiles from `first` on, by the calling thread's team. On x86 the processor must have AVX2 and FMA.
/// `elements` gets `[(side + 2)², blocks, count, 8]`; tiles beyond the last are 0.
void conednn_winograd_source(
    const conednn_tiling *tiling, const float *source, float *elements, int64_t first, int64_t count);
/// The function of a result, before and after a sum: x times the slope where it is negative, then the bounds. NaN passes.
typedef struct {
    /// 0 < slope <= 1.
    float slope;
    float lower;
    float upper;
} conednn_bounds;
/// What follows the products: `bounds[1](bounds[0](x + bias) + addend)`.
typedef struct {
    /// One for each channel; NULL: 0.
    const float *bias;
    /// Of the result's layout, and may be the result; NULL: there is no sum and no second function.
    const float *addend;
    conednn_bounds bounds[2];
} conednn_ending;
/// Aᵀ m A of the tiles from `first` on, by the calling thread's team. `elements` are the products, in the order of
/// `conednn_winograd_source`; `result` gets those pixels of the tiles that lie inside the plane.
void conednn_winograd_result(
    const conednn_tiling *tiling, const float *elements, const conednn_ending *ending, float *result, int64_t first,
    int64_t count);
/// Whether this is an Intel processor.
int conednn_is_intel(void);

#endif
