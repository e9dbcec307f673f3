// SPDX-License-Identifier: Apache-2.0
#include "CImageCodecs.h"

#include <stdio.h>
#include <webp/decode.h>

static int check(VP8StatusCode status, char message[ICC_MESSAGE_BYTES]) {
    const char *text;
    switch (status) {
    case VP8_STATUS_OK: return 0;
    case VP8_STATUS_OUT_OF_MEMORY: text = "out of memory"; break;
    case VP8_STATUS_UNSUPPORTED_FEATURE: text = "an unsupported feature"; break;
    case VP8_STATUS_NOT_ENOUGH_DATA: text = "the file ends early"; break;
    default: text = "damaged data"; break;
    }
    snprintf(message, ICC_MESSAGE_BYTES, "%s", text);
    return -1;
}

int icc_read_webp_header(
    const uint8_t *data, size_t size, icc_webp_header *header, char message[ICC_MESSAGE_BYTES]) {
    WebPBitstreamFeatures features;
    if (check(WebPGetFeatures(data, size, &features), message) != 0) {
        return -1;
    }
    header->width = (uint32_t)features.width;
    header->height = (uint32_t)features.height;
    header->has_alpha = features.has_alpha;
    header->has_animation = features.has_animation;
    return 0;
}

int icc_decode_webp(
    const uint8_t *data, size_t size, uint32_t width, uint32_t height, uint32_t channels, uint8_t *pixels,
    char message[ICC_MESSAGE_BYTES]) {
    WebPDecoderConfig config;
    if (!WebPInitDecoderConfig(&config)) {
        snprintf(message, ICC_MESSAGE_BYTES, "the library has another version than its header");
        return -1;
    }
    config.output.colorspace = channels == 4 ? MODE_RGBA : MODE_RGB;
    config.output.is_external_memory = 1;
    config.output.u.RGBA.rgba = pixels;
    config.output.u.RGBA.stride = (int)(width * channels);
    // libwebp refuses an image that is larger than this buffer; the caller's numbers come from the same header.
    config.output.u.RGBA.size = (size_t)width * height * channels;
    int status = check(WebPDecode(data, size, &config), message);
    WebPFreeDecBuffer(&config.output);
    return status;
}
