// SPDX-License-Identifier: Apache-2.0
// The transforms of Winograd's minimal filtering along both axes of a tile. The interpolation points are 0, ±1 and
// infinity for tiles of 2, and 0, ±0.625, ±1.5 and infinity for tiles of 4, as in oneDNN's code for AVX-512. The powers
// of the latter differ less than those of 0, ±1 and ±2, which keeps rounding errors small. The row of Bᵀ for a point
// has the coefficients of the product of x - q over all other finite points q, up to the sign. The rows of Aᵀ are
// powers of the points.
#include "COneDNN.h"
#include "Vectors.h"

#define INLINE WITH_VECTORS_OF_8 __attribute__((always_inline)) static inline

enum { LARGEST = 6 };

INLINE block all(float value) { return (block){} + value; }

// Bᵀ d; the elements of `d` are `step` apart.
INLINE void expand_2(const block *d, int64_t step, block result[4]) {
    result[0] = d[0] - d[2 * step];
    result[1] = d[2 * step] + d[step];
    result[2] = d[2 * step] - d[step];
    result[3] = d[3 * step] - d[step];
}

INLINE void expand_4(const block *d, int64_t step, block result[6]) {
    // The sum and the product of 0.625² and 1.5².
    const float sum = 2.640625f, product = 0.87890625f;
    block one = d[step], two = d[2 * step], three = d[3 * step], four = d[4 * step];
    result[0] = four - two * all(sum) + d[0] * all(product);
    block even = four - two * all(2.25f), odd = three * all(0.625f) - one * all(1.40625f);
    result[1] = even + odd;
    result[2] = even - odd;
    even = four - two * all(0.390625f), odd = three * all(1.5f) - one * all(0.5859375f);
    result[3] = even + odd;
    result[4] = even - odd;
    result[5] = d[5 * step] - three * all(sum) + one * all(product);
}

// Aᵀ m; the elements of the result are `step` apart.
INLINE void contract_2(const block m[4], block *result, int64_t step) {
    result[0] = m[0] + (m[1] + m[2]);
    result[step] = (m[1] - m[2]) + m[3];
}

INLINE void contract_4(const block m[6], block *result, int64_t step) {
    block near = m[1] + m[2], far = m[3] + m[4], near_odd = m[1] - m[2], far_odd = m[3] - m[4];
    result[0] = m[0] + (near + far);
    result[step] = near_odd * all(0.625f) + far_odd * all(1.5f);
    result[2 * step] = near * all(0.390625f) + far * all(2.25f);
    result[3 * step] = near_odd * all(0.244140625f) + far_odd * all(3.375f) + m[5];
}

INLINE block bounded(block value, conednn_bounds bounds) {
    value = larger(value * all(bounds.slope), value);
    return smaller(all(bounds.upper), larger(all(bounds.lower), value));
}

typedef struct {
    const conednn_tiling *tiling;
    const conednn_ending *ending;
    const block *from;
    block *to;
    int64_t first, count;
} job;

typedef struct {
    // The image's index times the number of blocks, plus the block's index.
    int64_t plane;
    // The tile's first row and column in the result.
    int64_t row, column;
} position;

INLINE position position_of(const conednn_tiling *t, int64_t channels, int64_t tile) {
    int64_t each = t->grid[0] * t->grid[1], place = tile % each;
    return (position){
        tile / each * t->blocks + channels, place / t->grid[1] * t->side, place % t->grid[1] * t->side};
}

// Inlined with a constant `side`.
INLINE void expand_tile(const job *job, int64_t side, int64_t channels, int64_t tile) {
    const conednn_tiling *t = job->tiling;
    const int64_t width = side + 2, apart = t->blocks * job->count;
    block *result = job->to + channels * job->count + tile;
    if (job->first + tile >= t->tiles) {
        for (int64_t element = 0; element < width * width; element++) result[element * apart] = all(0);
        return;
    }
    position at = position_of(t, channels, job->first + tile);
    const block *plane = job->from + at.plane * t->extents[0] * t->extents[1];
    int64_t top = at.row - t->pads[0], left = at.column - t->pads[1], step = t->extents[1];
    const block *source = plane + top * step + left;
    block copy[LARGEST * LARGEST], rows[LARGEST * LARGEST], row[LARGEST];
    if (top < 0 || left < 0 || top + width > t->extents[0] || left + width > t->extents[1]) {
        for (int64_t y = 0; y < width; y++) {
            for (int64_t x = 0; x < width; x++) {
                int is_inside = top + y >= 0 && top + y < t->extents[0] && left + x >= 0 && left + x < t->extents[1];
                copy[y * width + x] = is_inside ? plane[(top + y) * t->extents[1] + left + x] : all(0);
            }
        }
        source = copy;
        step = width;
    }
    for (int64_t x = 0; x < width; x++) {
        block column[LARGEST];
        if (side == 4) expand_4(source + x, step, column);
        else expand_2(source + x, step, column);
        for (int64_t y = 0; y < width; y++) rows[y * width + x] = column[y];
    }
    for (int64_t y = 0; y < width; y++) {
        if (side == 4) expand_4(rows + y * width, 1, row);
        else expand_2(rows + y * width, 1, row);
        for (int64_t x = 0; x < width; x++) result[(y * width + x) * apart] = row[x];
    }
}

INLINE void contract_tile(const job *job, int64_t side, int64_t channels, int64_t tile) {
    const conednn_tiling *t = job->tiling;
    const conednn_ending *ending = job->ending;
    const int64_t width = side + 2, apart = t->blocks * job->count;
    if (job->first + tile >= t->tiles) return;
    position at = position_of(t, channels, job->first + tile);
    const block *source = job->from + channels * job->count + tile;
    block rows[LARGEST * LARGEST], results[LARGEST];
    for (int64_t x = 0; x < width; x++) {
        block column[LARGEST];
        for (int64_t y = 0; y < width; y++) column[y] = source[(y * width + x) * apart];
        if (side == 4) contract_4(column, rows + x, width);
        else contract_2(column, rows + x, width);
    }
    int64_t height = t->extents[0] - at.row < side ? t->extents[0] - at.row : side;
    int64_t columns = t->extents[1] - at.column < side ? t->extents[1] - at.column : side;
    int64_t offset = at.plane * t->extents[0] * t->extents[1] + at.row * t->extents[1] + at.column;
    block *result = job->to + offset;
    const block *addend = ending->addend ? (const block *)ending->addend + offset : NULL;
    block bias = ending->bias ? ((const block *)ending->bias)[channels] : all(0);
    for (int64_t y = 0; y < height; y++) {
        if (side == 4) contract_4(rows + y * width, results, 1);
        else contract_2(rows + y * width, results, 1);
        for (int64_t x = 0; x < columns; x++) {
            int64_t pixel = y * t->extents[1] + x;
            block value = bounded(results[x] + bias, ending->bounds[0]);
            if (addend) value = bounded(value + addend[pixel], ending->bounds[1]);
            result[pixel] = value;
        }
    }
}

typedef struct {
    int64_t first, end;
} range;

// The calling thread's share of the tiles of all blocks of channels.
static range share_of(const job *job) {
    int64_t threads = omp_get_num_threads(), thread = omp_get_thread_num(), all = job->tiling->blocks * job->count;
    return (range){all * thread / threads, all * (thread + 1) / threads};
}

WITH_VECTORS_OF_8 static void expand_share(void *data) {
    const job *job = data;
    range share = share_of(job);
    for (int64_t index = share.first; index < share.end; index++) {
        if (job->tiling->side == 4) expand_tile(job, 4, index / job->count, index % job->count);
        else expand_tile(job, 2, index / job->count, index % job->count);
    }
}

WITH_VECTORS_OF_8 static void contract_share(void *data) {
    const job *job = data;
    range share = share_of(job);
    for (int64_t index = share.first; index < share.end; index++) {
        if (job->tiling->side == 4) contract_tile(job, 4, index / job->count, index % job->count);
        else contract_tile(job, 2, index / job->count, index % job->count);
    }
}

static void run(void (*share)(void *), job *job) {
    // Without a team, the calling thread transforms all tiles.
    int threads = conednn_threads();
    if (threads > 1) GOMP_parallel(share, job, (unsigned)threads, 0);
    else share(job);
}

void conednn_winograd_source(
    const conednn_tiling *tiling, const float *source, float *elements, int64_t first, int64_t count) {
    job job = {tiling, NULL, (const block *)source, (block *)elements, first, count};
    run(expand_share, &job);
}

void conednn_winograd_result(
    const conednn_tiling *tiling, const float *elements, const conednn_ending *ending, float *result, int64_t first,
    int64_t count) {
    job job = {tiling, ending, (const block *)elements, (block *)result, first, count};
    run(contract_share, &job);
}
