// SPDX-License-Identifier: Apache-2.0
#include "COneDNN.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#include <string.h>

int conednn_is_intel(void) {
#if defined(__x86_64__)
    unsigned level = 0, name[3] = {0, 0, 0};
    // The vendor's name, 12 characters, is in ebx, edx and ecx.
    return __get_cpuid(0, &level, &name[0], &name[2], &name[1]) && memcmp(name, "GenuineIntel", sizeof name) == 0;
#else
    return 0;
#endif
}
