// SPDX-License-Identifier: Apache-2.0
#ifndef CINFLATE_H
#define CINFLATE_H

#include <stdint.h>

typedef enum { CINFLATE_DONE, CINFLATE_TOO_LARGE, CINFLATE_DAMAGED, CINFLATE_NO_MEMORY } cinflate_outcome;

/// Inflates a whole body in `gzip` or `deflate` (RFC 9110, section 8.4.1) by zlib, which detects the format. Writes the
/// result to `target`, at most `target_count` bytes, and its length to `written`. Bytes after the end of the compressed
/// data are an error.
cinflate_outcome cinflate(
    const uint8_t *source, int64_t source_count, uint8_t *target, int64_t target_count, int64_t *written);

#endif
