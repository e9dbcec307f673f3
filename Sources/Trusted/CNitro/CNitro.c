// SPDX-License-Identifier: Apache-2.0
#include "CNitro.h"

#include <errno.h>
#include <sys/ioctl.h>

// The layout of `struct nsm_raw`, and `NSM_IOCTL_RAW`, which encodes its size: with another layout the kernel would
// write to the wrong memory.
_Static_assert(sizeof(struct cnitro_vector) == 16, "struct nsm_iovec has 16 bytes");
_Static_assert(sizeof(struct cnitro_message) == 32, "struct nsm_raw has 32 bytes");
_Static_assert(offsetof(struct cnitro_message, request) == 0, "the request comes first");
_Static_assert(offsetof(struct cnitro_message, response) == 16, "the response comes second");
_Static_assert(offsetof(struct cnitro_vector, address) == 0 && offsetof(struct cnitro_vector, length) == 8,
               "an address, then a length");

const unsigned long cnitro_request_number = _IOWR(0x0A, 0, struct cnitro_message);

int cnitro_ioctl(int descriptor, unsigned long request, void *argument) {
    return ioctl(descriptor, request, argument);
}

int cnitro_exchange(
    cnitro_call call, int descriptor, const uint8_t *request, size_t length, uint8_t *response, size_t capacity,
    size_t *used) {
    struct cnitro_message message = {
        {(uint64_t)(uintptr_t)request, length},
        {(uint64_t)(uintptr_t)response, capacity},
    };
    while (call(descriptor, cnitro_request_number, &message) != 0) {
        if (errno != EINTR) {
            return errno;
        }
        // An interrupted call may have written the length already.
        message.response.length = capacity;
    }
    if (message.response.length > capacity) {
        return EPROTO;
    }
    *used = message.response.length;
    return 0;
}
