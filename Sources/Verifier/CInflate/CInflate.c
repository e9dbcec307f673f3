// SPDX-License-Identifier: Apache-2.0
#include "CInflate.h"

#include <limits.h>
#include <string.h>
#include <zlib.h>

/// Tells gzip and zlib by their headers.
static const int any_header = 32 + MAX_WBITS;

cinflate_outcome cinflate(
    const uint8_t *source, int64_t source_count, uint8_t *target, int64_t target_count, int64_t *written) {
    z_stream stream;
    memset(&stream, 0, sizeof stream);
    *written = 0;
    if (source_count > INT_MAX || target_count > INT_MAX) return CINFLATE_TOO_LARGE;
    if (inflateInit2(&stream, any_header) != Z_OK) return CINFLATE_NO_MEMORY;
    stream.next_in = (Bytef *)source;
    stream.avail_in = (uInt)source_count;
    stream.next_out = target;
    stream.avail_out = (uInt)target_count;
    int code = inflate(&stream, Z_FINISH);
    *written = (int64_t)stream.total_out;
    int is_whole = code == Z_STREAM_END && stream.avail_in == 0;
    int is_full = stream.avail_out == 0;
    inflateEnd(&stream);
    if (is_whole) return CINFLATE_DONE;
    if (code == Z_MEM_ERROR) return CINFLATE_NO_MEMORY;
    return code == Z_BUF_ERROR && is_full ? CINFLATE_TOO_LARGE : CINFLATE_DAMAGED;
}
