// SPDX-License-Identifier: Apache-2.0
#ifndef CINFLATE_H
#define CINFLATE_H

#include <stdint.h>

typedef enum { CINFLATE_DONE, CINFLATE_TOO_LARGE, CINFLATE_DAMAGED, CINFLATE_NO_MEMORY } cinflate_outcome;

/// Inflates a whole body of `gzip` or `deflate` (RFC 9110, section 8.4.1), whichever it is, by zlib. What comes out is
/// written to `target`, `target_count` bytes at most; `written` says how many. Bytes behind the end are damage.
cinflate_outcome cinflate(
    const uint8_t *source, int64_t source_count, uint8_t *target, int64_t target_count, int64_t *written);

#endif
