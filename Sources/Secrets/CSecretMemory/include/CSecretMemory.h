// SPDX-License-Identifier: Apache-2.0
// What Swift cannot express: writes that must not be optimised away, and calls that are variadic or not exported.
#pragma once

#include <stddef.h>

/// Overwrites `count` bytes with zeros. Never optimised away.
void csecret_wipe(void *bytes, size_t count);

/// 0 when the `count` bytes are equal. Always reads all of them.
int csecret_differ(const void *left, const void *right, size_t count);

/// Fills `count` bytes from the kernel's generator. Returns 0, or an errno.
int csecret_random(void *bytes, size_t count);

/// Makes the process undumpable: no core file, and no debugger of the same user. Returns 0, or an errno.
int csecret_forbid_dumps(void);

/// Whether the process may leave a core file.
int csecret_is_dumpable(void);

/// Keeps pages out of the swap, each from its first use on, as far as `RLIMIT_MEMLOCK` allows.
void csecret_lock(void *bytes, size_t count);
