#ifndef INFENCLAVE_CBOOT_H
#define INFENCLAVE_CBOOT_H

#include <stddef.h>
#include <stdint.h>

// What the first process of a machine asks of the kernel and has no other way to ask. Each returns 0 or an error number.

/// mount(2) with MS_NOSUID; an error of EBUSY means that it was mounted before.
int cboot_mount(const char *type, const char *target, int forbids_programs);

/// finit_module(2) without parameters.
int cboot_load_module(int descriptor);

/// Fills memory from the processor: RDSEED where it has it, else RDRAND.
///
/// @return ENOTSUP where it has neither, EIO when it gives nothing.
int cboot_hardware_random(uint8_t *bytes, size_t count);

/// Mixes bytes into the kernel's generator and counts them as entropy (RNDADDENTROPY, random(4)).
int cboot_add_entropy(const uint8_t *bytes, size_t count);

/// Starts the machine anew, or turns it off (reboot(2)). Where neither is possible the processor is halted.
void cboot_end(int turns_off) __attribute__((noreturn));

#endif
