// SPDX-License-Identifier: Apache-2.0
#include "CImageCodecs.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

int icc_inflate(
    const uint8_t *data, size_t size, uint8_t *target, size_t target_size, char message[ICC_MESSAGE_BYTES]) {
    z_stream stream;
    memset(&stream, 0, sizeof stream);
    if (size > INT_MAX || target_size > INT_MAX || inflateInit(&stream) != Z_OK) {
        snprintf(message, ICC_MESSAGE_BYTES, "out of memory");
        return -1;
    }
    stream.next_in = (Bytef *)data;
    stream.avail_in = (uInt)size;
    stream.next_out = target;
    stream.avail_out = (uInt)target_size;
    inflate(&stream, Z_FINISH);
    size_t missing = stream.avail_out;
    inflateEnd(&stream);
    if (missing == 0) {
        return 0;
    }
    snprintf(message, ICC_MESSAGE_BYTES, "damaged data");
    return -1;
}
