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

/// What a server does with a message: it writes its answer, of at most `capacity` bytes, and returns the length.
typedef size_t (*cic_server)(void *context, infenclave_bytes message, uint8_t *answer, size_t capacity);

/// Verifies evidence, seals pixels [1, 8, 8, 3] for the peer, gives the message to the server, opens the answer, and writes
/// its classes to `text`. A tensor of another shape and an answer that was changed on its way have to be refused.
///
/// @param secret A token of 32 bytes.
/// @return NULL, or which call did not do what the header says; then `text` has its failure, if there is one.
const char *cic_exchange(
    infenclave_bytes document, infenclave_bytes nonce, infenclave_bytes policy, infenclave_bytes root, int64_t time,
    const infenclave_collateral *collateral, size_t collateral_count, infenclave_bytes secret, infenclave_bytes pixels,
    cic_server server, void *context, char *text, size_t capacity);

#endif
