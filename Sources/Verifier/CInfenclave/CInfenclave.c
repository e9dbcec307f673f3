// SPDX-License-Identifier: Apache-2.0
#include "infenclave.h"

// Programs in other languages declare these structures themselves, so the layout must not change.

_Static_assert(sizeof(infenclave_bytes) == 2 * sizeof(void *), "infenclave_bytes");
_Static_assert(sizeof(infenclave_buffer) == 2 * sizeof(void *), "infenclave_buffer");
_Static_assert(sizeof(infenclave_collateral) == 3 * sizeof(void *), "infenclave_collateral");
_Static_assert(offsetof(infenclave_seen, evaluation_data_number) == 16, "infenclave_seen");
_Static_assert(offsetof(infenclave_sources, dangerous_root) == 8 + 4 * sizeof(void *), "infenclave_sources");
