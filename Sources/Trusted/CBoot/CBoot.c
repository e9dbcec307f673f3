// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "CBoot.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

int cboot_mount(const char *type, const char *target, int forbids_programs) {
    unsigned long flags = MS_NOSUID | (forbids_programs ? MS_NOEXEC | MS_NODEV : 0);
    return mount(type, target, type, flags, NULL) == 0 ? 0 : errno;
}

int cboot_load_module(int descriptor) {
    return syscall(SYS_finit_module, descriptor, "", 0) == 0 ? 0 : errno;
}

#if defined(__x86_64__)

__attribute__((target("rdseed"))) static int seed(unsigned long long *value) {
    for (int attempt = 0; attempt < 10000; attempt++) {
        if (_rdseed64_step(value)) return 1;
        _mm_pause();
    }
    return 0;
}

__attribute__((target("rdrnd"))) static int random_number(unsigned long long *value) {
    // Intel's guide: ten failures in a row are a defect.
    for (int attempt = 0; attempt < 10; attempt++) {
        if (_rdrand64_step(value)) return 1;
    }
    return 0;
}

int cboot_hardware_random(uint8_t *bytes, size_t count) {
    unsigned a = 0, b = 0, c = 0, d = 0;
    int has_seed = __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & (1u << 18)) != 0;
    int has_random = __get_cpuid(1, &a, &b, &c, &d) && (c & (1u << 30)) != 0;
    if (!has_seed && !has_random) return ENOTSUP;
    while (count > 0) {
        unsigned long long value = 0;
        if (!(has_seed && seed(&value)) && !(has_random && random_number(&value))) return EIO;
        size_t part = count < sizeof value ? count : sizeof value;
        memcpy(bytes, &value, part);
        bytes += part;
        count -= part;
    }
    return 0;
}

#else

int cboot_hardware_random(uint8_t *bytes, size_t count) {
    (void)bytes;
    (void)count;
    return ENOTSUP;
}

#endif

int cboot_add_entropy(const uint8_t *bytes, size_t count) {
    _Alignas(struct rand_pool_info) uint8_t memory[sizeof(struct rand_pool_info) + 256];
    struct rand_pool_info *pool = (struct rand_pool_info *)memory;
    if (count > 256) return EINVAL;
    pool->entropy_count = (int)count * 8;
    pool->buf_size = (int)count;
    memcpy(pool->buf, bytes, count);
    int descriptor = open("/dev/urandom", O_RDWR | O_CLOEXEC);
    if (descriptor < 0) return errno;
    int failure = ioctl(descriptor, RNDADDENTROPY, pool) == 0 ? 0 : errno;
    explicit_bzero(memory, sizeof memory);
    close(descriptor);
    return failure;
}

void cboot_end(int turns_off) {
    sync();
    reboot(turns_off ? RB_POWER_OFF : RB_AUTOBOOT);
    // In a container, which ends with its first process.
    _exit(1);
}
