// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "CSecretMemory.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>

void csecret_wipe(void *bytes, size_t count) { explicit_bzero(bytes, count); }

int csecret_differ(const void *left, const void *right, size_t count) {
    const volatile uint8_t *a = left, *b = right;
    volatile uint8_t difference = 0;
    for (size_t i = 0; i < count; i++) difference |= a[i] ^ b[i];
    return difference;
}

int csecret_random(void *bytes, size_t count) {
    uint8_t *next = bytes;
    while (count > 0) {
        ssize_t written = getrandom(next, count, 0);
        if (written < 0) {
            if (errno == EINTR) continue;
            return errno;
        }
        next += written;
        count -= (size_t)written;
    }
    return 0;
}

int csecret_forbid_dumps(void) {
    struct rlimit none = {0, 0};
    if (setrlimit(RLIMIT_CORE, &none) != 0) return errno;
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return errno;
    return 0;
}

int csecret_is_dumpable(void) { return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0; }

void csecret_lock(void *bytes, size_t count) {
    // Kernels before 4.4 cannot lock pages at their first use, and a filter of system calls may not allow it.
    if (mlock2(bytes, count, MLOCK_ONFAULT) != 0 && (errno == ENOSYS || errno == EPERM)) (void)mlock(bytes, count);
}
