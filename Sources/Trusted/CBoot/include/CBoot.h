// SPDX-License-Identifier: Apache-2.0
#ifndef INFENCLAVE_CBOOT_H
#define INFENCLAVE_CBOOT_H

#include <stddef.h>
#include <stdint.h>

// Calls of the kernel for the first process of a machine that Swift cannot make. Each returns 0 or an error number.

/// mount(2) with MS_NOSUID; an error of EBUSY means that it was mounted before.
int cboot_mount(const char *type, const char *target, int forbids_programs);

/// finit_module(2) without parameters.
int cboot_load_module(int descriptor);

/// Fills memory with random bytes of the processor: RDSEED if available, else RDRAND.
///
/// @return ENOTSUP if the processor has neither, EIO if it gives no bytes.
int cboot_hardware_random(uint8_t *bytes, size_t count);

/// Mixes bytes into the kernel's generator and counts them as entropy (RNDADDENTROPY, random(4)).
int cboot_add_entropy(const uint8_t *bytes, size_t count);

/// Reboots the machine or turns it off (reboot(2)). If neither is possible, halts the processor.
void cboot_end(int turns_off) __attribute__((noreturn));

#endif
