// SPDX-License-Identifier: Apache-2.0
#ifndef INFENCLAVE_CNITRO_H
#define INFENCLAVE_CNITRO_H

#include <stddef.h>
#include <stdint.h>

/// A place in memory, as the driver of the Nitro security module takes it (Linux, include/uapi/linux/nsm.h).
struct cnitro_vector {
    uint64_t address;
    uint64_t length;
};

/// The argument of the only driver call that is used here.
struct cnitro_message {
    struct cnitro_vector request;
    /// The driver replaces the length by that of the answer.
    struct cnitro_vector response;
};

/// The number of that call.
extern const unsigned long cnitro_request_number;

/// A replacement for `ioctl`, so that tests can simulate the driver. Returns 0, or -1 with errno.
typedef int (*cnitro_call)(int descriptor, unsigned long request, void *argument);

/// `ioctl` itself.
int cnitro_ioctl(int descriptor, unsigned long request, void *argument);

/// Sends one request and receives its response. The caller keeps the buffers.
///
/// @param used The length of the answer, at most `capacity`; written on success only.
/// @return 0, or the errno of the call; EPROTO for an answer longer than its buffer.
int cnitro_exchange(
    cnitro_call call, int descriptor, const uint8_t *request, size_t length, uint8_t *response, size_t capacity,
    size_t *used);

#endif
