// SPDX-License-Identifier: Apache-2.0
#ifndef CIMAGECODECS_H
#define CIMAGECODECS_H

#include <stddef.h>
#include <stdint.h>

// Decoders from memory to memory. The caller has read width, height and channels from the file's header, has bounded
// them, and owns `pixels`: height * width * channels bytes, rows without padding. A file whose content disagrees with
// those numbers is refused, never written past the buffer. No function keeps a pointer, longjmps to its caller or
// shares state, so all may be called from any thread.

/// Limit of a message, including its terminating zero.
#define ICC_MESSAGE_BYTES 200

/// The first warning was of bytes before the end marker, as some cameras write them. Every pixel is correct unless a
/// restart interval is missing, whose warning this one hides.
#define ICC_PADDING 1

/// 0 on success, else -1 or ICC_PADDING with a message.
/// `channels`: 1 grey, 3 RGB, 4 CMYK as stored by Adobe (inverted).
int icc_decode_jpeg(
    const uint8_t *data, size_t size, uint32_t width, uint32_t height, uint32_t channels, uint8_t *pixels,
    char message[ICC_MESSAGE_BYTES]);

/// 8 bits a channel: 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha. The high byte of 16-bit samples is taken.
int icc_decode_png(
    const uint8_t *data, size_t size, uint32_t width, uint32_t height, uint32_t channels, uint8_t *pixels,
    char message[ICC_MESSAGE_BYTES]);

/// The fields of a WebP header.
typedef struct {
    uint32_t width;
    uint32_t height;
    int has_alpha;
    int has_animation;
} icc_webp_header;

int icc_read_webp_header(
    const uint8_t *data, size_t size, icc_webp_header *header, char message[ICC_MESSAGE_BYTES]);

/// `channels`: 3 RGB, 4 RGB and alpha (not premultiplied).
int icc_decode_webp(
    const uint8_t *data, size_t size, uint32_t width, uint32_t height, uint32_t channels, uint8_t *pixels,
    char message[ICC_MESSAGE_BYTES]);

/// Decompresses zlib's format. A stream that is longer than `target` is cut, a shorter one refused.
int icc_inflate(
    const uint8_t *data, size_t size, uint8_t *target, size_t target_size, char message[ICC_MESSAGE_BYTES]);

/// An upper bound of the size of a PNG file with these pixels (`channels` 1 or 3).
size_t icc_png_capacity(uint32_t width, uint32_t height, uint32_t channels);

/// Writes a PNG file to `file` and its length to `size`, which holds the capacity on entry.
int icc_encode_png(
    const uint8_t *pixels, uint32_t width, uint32_t height, uint32_t channels, uint8_t *file, size_t *size,
    char message[ICC_MESSAGE_BYTES]);

#endif
