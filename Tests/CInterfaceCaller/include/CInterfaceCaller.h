// SPDX-License-Identifier: Apache-2.0
#ifndef INFENCLAVE_CINTERFACECALLER_H
#define INFENCLAVE_CINTERFACECALLER_H

#include <infenclave.h>

/// Calls every function with pointers that are NULL, with counts without bytes, and with bytes that are nothing.
///
/// @return NULL, or which call did not do what the header says.
const char *cic_misuse(void);

/// Verifies evidence and writes what the verdict or the failure says to `text`.
///
/// @return What infenclave_verify returned.
int32_t cic_verify(
    infenclave_bytes document, infenclave_bytes nonce, infenclave_bytes policy, infenclave_bytes root, int64_t time,
    const infenclave_collateral *collateral, size_t collateral_count, char *text, size_t capacity);

#endif
