// SPDX-License-Identifier: Apache-2.0
// oneDNN's C interface, the threads that run its parallel regions, and processor features that oneDNN does not report.
#ifndef CONEDNN_H
#define CONEDNN_H

#include <oneapi/dnnl/dnnl.h>
#include <stdint.h>

/// Sets the number of threads of the calling thread's parallel regions, limited to 1 to 256.
void conednn_set_threads(int threads);
/// The number of threads of the calling thread's parallel regions.
int conednn_threads(void);
/// Begins a plan whose parallel regions have `threads` threads, including the calling thread. Until `conednn_end_plan`,
/// the team's workers spin between regions, unless other processes need the cores.
void conednn_begin_plan(int threads);
/// Ends the plan, begun with the same number of threads: the workers sleep again.
void conednn_end_plan(int threads);
/// Processor times in nanoseconds.
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
/// Returns the times since the last call, or since measuring began.
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
/// Sliding windows over a tensor whose channels are in blocks of 8. Pairs are of height and width.
typedef struct {
    /// Images times blocks of channels.
    int64_t planes;
    int64_t extents[2];
    int64_t result[2];
    int64_t kernel[2];
    int64_t strides[2];
    int64_t dilations[2];
    /// Rows of padding above, and columns of padding to the left.
    int64_t pads[2];
} conednn_windows;
/// Computes the maximum of each window, with the calling thread's team. NaN is never the maximum; a window without
/// elements results in minus infinity. On x86 the processor must have AVX2 and FMA.
void conednn_pool_maximum(const conednn_windows *windows, const float *source, float *destination);
/// The division of planes into overlapping tiles for Winograd's minimal filtering of 3x3 kernels (Lavin and Gray, arXiv
/// 1509.09308). Channels are in blocks of 8.
typedef struct {
    /// Blocks of channels of an image.
    int64_t blocks;
    /// Height and width of a plane.
    int64_t extents[2];
    /// Rows above the plane, and columns to its left, that the first tile covers.
    int64_t pads[2];
    /// Rows and columns of tiles in a plane.
    int64_t grid[2];
    /// Tiles in a plane, times images.
    int64_t tiles;
    /// Side length of a tile of results: 2 or 4. A tile of the source is larger by 2.
    int64_t side;
} conednn_tiling;
/// Transforms `count` tiles of the source, from tile `first` on: Bᵀ d B, with the calling thread's team. On x86 the
/// processor must have AVX2 and FMA.
///
/// `elements` receives `[(side + 2)², blocks, count, 8]`; tiles beyond the last are 0.
void conednn_winograd_source(
    const conednn_tiling *tiling, const float *source, float *elements, int64_t first, int64_t count);
/// A function of a result: x times the slope if x is negative, limited to the bounds. NaN stays NaN.
typedef struct {
    /// 0 < slope <= 1.
    float slope;
    float lower;
    float upper;
} conednn_bounds;
/// The operations after the products: `bounds[1](bounds[0](x + bias) + addend)`.
typedef struct {
    /// One number per channel; NULL for no bias.
    const float *bias;
    /// In the result's layout, and may be the result itself. NULL for no sum; then `bounds[1]` is not applied.
    const float *addend;
    conednn_bounds bounds[2];
} conednn_ending;
/// Computes `count` tiles of the result from their products, from tile `first` on: Aᵀ m A and the ending, with the
/// calling thread's team. `elements` are the products, `[(side + 2)², blocks, count, 8]`. Only pixels of the tiles that
/// lie inside the plane are written.
void conednn_winograd_result(
    const conednn_tiling *tiling, const float *elements, const conednn_ending *ending, float *result, int64_t first,
    int64_t count);
/// Whether this is an Intel processor.
int conednn_is_intel(void);

#endif
