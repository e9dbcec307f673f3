// SPDX-License-Identifier: Apache-2.0
#include "CImageCodecs.h"

#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    const uint8_t *data;
    size_t left;
    char *message;
} source;

static void read_bytes(png_structp png, png_bytep target, size_t count) {
    source *from = png_get_io_ptr(png);
    if (count > from->left) {
        png_error(png, "the file ends early");
    }
    memcpy(target, from->data, count);
    from->data += count;
    from->left -= count;
}

/// libpng's default handler prints; this one stores the text and unwinds to `icc_decode_png`.
static void fail(png_structp png, png_const_charp text) {
    source *from = png_get_error_ptr(png);
    snprintf(from->message, ICC_MESSAGE_BYTES, "%s", text);
    png_longjmp(png, 1);
}

/// Warnings concern ancillary chunks, which do not affect pixels here.
static void ignore(png_structp png, png_const_charp text) {
    (void)png;
    (void)text;
}

int icc_decode_png(
    const uint8_t *data, size_t size, uint32_t width, uint32_t height, uint32_t channels, uint8_t *pixels,
    char message[ICC_MESSAGE_BYTES]) {
    source from = {data, size, message};
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &from, fail, ignore);
    png_infop info = png == NULL ? NULL : png_create_info_struct(png);
    if (info == NULL) {
        png_destroy_read_struct(&png, NULL, NULL);
        snprintf(message, ICC_MESSAGE_BYTES, "out of memory");
        return -1;
    }
    // No local variable is modified between here and the end of reading, so none is indeterminate after longjmp.
    if (setjmp(png_jmpbuf(png)) != 0) {
        png_destroy_read_struct(&png, &info, NULL);
        return -1;
    }
    png_set_read_fn(png, &from, read_bytes);
    png_set_user_limits(png, width, height);
    png_set_chunk_cache_max(png, 256);
    png_set_chunk_malloc_max(png, 8 << 20);
    png_read_info(png, info);

    // Converts to 8 bits of grey or RGB, with alpha if the file has it. Gamma and colour profiles are not applied.
    png_set_strip_16(png);
    png_set_expand(png);
    int passes = png_set_interlace_handling(png);
    png_read_update_info(png, info);
    if (png_get_image_width(png, info) != width || png_get_image_height(png, info) != height
        || png_get_rowbytes(png, info) != (size_t)width * channels) {
        png_error(png, "the header and the content disagree");
    }
    for (int pass = 0; pass < passes; pass++) {
        for (uint32_t row = 0; row < height; row++) {
            png_read_row(png, pixels + (size_t)row * width * channels, NULL);
        }
    }
    png_read_end(png, NULL);
    png_destroy_read_struct(&png, &info, NULL);
    return 0;
}

static png_image description(uint32_t width, uint32_t height, uint32_t channels) {
    png_image image;
    memset(&image, 0, sizeof image);
    image.version = PNG_IMAGE_VERSION;
    image.width = width;
    image.height = height;
    image.format = channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
    return image;
}

size_t icc_png_capacity(uint32_t width, uint32_t height, uint32_t channels) {
    png_image image = description(width, height, channels);
    return PNG_IMAGE_PNG_SIZE_MAX(image);
}

int icc_encode_png(
    const uint8_t *pixels, uint32_t width, uint32_t height, uint32_t channels, uint8_t *file, size_t *size,
    char message[ICC_MESSAGE_BYTES]) {
    png_image image = description(width, height, channels);
    png_alloc_size_t bytes = *size;
    if (!png_image_write_to_memory(&image, file, &bytes, 0, pixels, (png_int_32)(width * channels), NULL)) {
        snprintf(message, ICC_MESSAGE_BYTES, "%s", image.message[0] != 0 ? image.message : "the buffer is too small");
        return -1;
    }
    *size = bytes;
    return 0;
}
