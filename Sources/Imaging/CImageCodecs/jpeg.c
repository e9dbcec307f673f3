// SPDX-License-Identifier: Apache-2.0
#include "CImageCodecs.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <turbojpeg.h>

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
        // Only the first warning has a text. All others mean missing or damaged data; that of unusual header fields is
        // not given, since the caller corrects them.
        if (tjGetErrorCode(decoder) == TJERR_WARNING
            && strstr(message, "extraneous bytes before marker 0xd9") != NULL) {
            status = ICC_PADDING;
        }
    }
    tjDestroy(decoder);
    return status;
}
