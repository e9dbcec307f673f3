// SPDX-License-Identifier: Apache-2.0
#include "CImageCodecs.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <turbojpeg.h>

/// Warnings after which every pixel is still correct: unusual header fields, and padding that some cameras put before
/// the end marker. All other warnings mean missing or damaged data.
static int is_harmless(const char *warning) {
    return strstr(warning, "JFIF revision") != NULL || strstr(warning, "Adobe color transform") != NULL
        || strstr(warning, "extraneous bytes before marker 0xd9") != NULL;
}

int icc_decode_jpeg(
    const uint8_t *data, size_t size, uint32_t width, uint32_t height, uint32_t channels, uint8_t *pixels,
    char message[ICC_MESSAGE_BYTES]) {
    int format = channels == 1 ? TJPF_GRAY : channels == 3 ? TJPF_RGB : channels == 4 ? TJPF_CMYK : -1;
    if (format < 0 || size > ULONG_MAX || width == 0 || height == 0 || width > 65535 || height > 65535) {
        snprintf(message, ICC_MESSAGE_BYTES, "unsupported size or number of channels");
        return -1;
    }
    tjhandle decoder = tjInitDecompress();
    if (decoder == NULL) {
        snprintf(message, ICC_MESSAGE_BYTES, "%s", tjGetErrorStr2(NULL));
        return -1;
    }
    // The accurate DCT is libjpeg's default. The number of scans is limited because each needs a pass over the image.
    int status = tjDecompress2(
        decoder, data, (unsigned long)size, pixels, (int)width, (int)(width * channels), (int)height, format,
        TJFLAG_ACCURATEDCT | TJFLAG_LIMITSCANS);
    if (status != 0) {
        snprintf(message, ICC_MESSAGE_BYTES, "%s", tjGetErrorStr2(decoder));
        if (tjGetErrorCode(decoder) == TJERR_WARNING && is_harmless(message)) {
            status = 0;
        }
    }
    tjDestroy(decoder);
    return status == 0 ? 0 : -1;
}
