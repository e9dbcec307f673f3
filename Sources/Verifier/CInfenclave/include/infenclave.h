// SPDX-License-Identifier: Apache-2.0
#ifndef INFENCLAVE_H
#define INFENCLAVE_H

/// Verification, sealing and opening for programs in other languages. These functions use no network, file or clock,
/// except that infenclave_token_read reads a file. All may be called from any thread, also concurrently with the same
/// objects, unless an object is freed at the same time.
///
/// Arguments belong to the caller and are read during the call only; a pointer may be NULL if its count is 0. The
/// caller has to free results: buffers with infenclave_buffer_free, objects with the function of their type. Texts are
/// UTF-8; text arguments end in a zero byte.
///
/// Functions that can fail return INFENCLAVE_OK, or INFENCLAVE_FAILED with a failure, a JSON object: {"code",
/// "message", "remedy", "refusal", "verdict"}. `code` is attestationRejected, invalidConfiguration, invalidInput,
/// invalidResponse, refused or unknownToken; `refusal` is the enclave's code, or null; `verdict` is that of
/// infenclave_appraise if `code` is attestationRejected, else null. INFENCLAVE_MISUSE means that a required pointer is
/// NULL; then nothing was done.

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Raised when a function or a structure changes, but not for additions.
#define INFENCLAVE_ABI_VERSION 1

#define INFENCLAVE_OK 0
#define INFENCLAVE_FAILED 1
#define INFENCLAVE_MISUSE 2

/// Bytes that belong to the caller.
typedef struct infenclave_bytes {
    const uint8_t *bytes;
    size_t count;
} infenclave_bytes;

/// Bytes that belong to the library until infenclave_buffer_free is called. JSON has no terminating zero byte.
typedef struct infenclave_buffer {
    uint8_t *bytes;
    size_t count;
} infenclave_buffer;

/// A collateral file of a vendor (Documentation/protocol.md, section 2).
typedef struct infenclave_collateral {
    /// Such as "vcek" or "tcb_info". Unknown roles are ignored.
    const char *role;
    infenclave_bytes bytes;
} infenclave_collateral;

/// The date of a piece of collateral that was verified before; older collateral is refused.
typedef struct infenclave_seen {
    /// The name in `collateral` of a verdict.
    const char *name;
    /// Seconds since 1970.
    int64_t date;
    /// Intel's tcbEvaluationDataNumber, or -1.
    int64_t evaluation_data_number;
} infenclave_seen;

/// The inputs of verification besides the evidence.
typedef struct infenclave_sources {
    /// The time at which certificates and collateral have to be valid, in seconds since 1970.
    int64_t time;
    /// The caller's own collateral, which replaces that of the server.
    const infenclave_collateral *collateral;
    size_t collateral_count;
    const infenclave_seen *seen;
    size_t seen_count;
    /// A root certificate, PEM or DER, that is trusted instead of the vendor's, for tests; empty for the vendor's.
    infenclave_bytes dangerous_root;
    /// 1 accepts evidence of the development TEE, which protects nothing, if the policy names it too; 0 refuses it.
    int32_t dangerously_accepts_development;
} infenclave_sources;

/// A verified enclave.
typedef struct infenclave_peer infenclave_peer;
/// A client's access token, in locked memory that is wiped.
typedef struct infenclave_token infenclave_token;
/// A sealed request, which opens the one answer to it.
typedef struct infenclave_request infenclave_request;

/// INFENCLAVE_ABI_VERSION of the library. A program compares it with the header's before it calls anything else.
uint32_t infenclave_abi_version(void);

/// Frees the bytes and sets both members to zero. An empty buffer is left as it is.
void infenclave_buffer_free(infenclave_buffer *buffer);

/// Judges saved evidence, which belongs to no session.
///
/// @param tee sgx, tdx, snp, nitro or development. @param policy A policy file. If it is empty, evidence is verified to
/// the root and not appraised. @param report_data The data to which the evidence has to be bound; empty for no check.
/// @param verdict JSON: {"report", "entries", "collateral"}. `report` is what `infenclave attest --json` prints;
/// `entries` are all
///     checks in their order, each {"check", "summary", "outcome": passed, failed or skipped, "code", "reason",
///     "found", "expected", "remedy"}; `collateral` lists the verified collateral, {name: {"date",
///     "evaluationDataNumber"}}. Rejected evidence gives a verdict, not a failure.
int32_t infenclave_appraise(
    const char *tee, infenclave_bytes evidence, infenclave_bytes policy, infenclave_bytes report_data,
    const infenclave_sources *sources, infenclave_buffer *verdict, infenclave_buffer *failure);

/// Verifies that an evidence document was made for this nonce by an enclave that the policy describes.
///
/// @param document The document that the server sent. @param nonce 16 to 64 random bytes, generated for this session
/// and not used for any other. @param peer The enclave to which messages are sealed. @param description JSON:
/// {"verdict", "manifest", "manifestDigest", "epoch", "state": provisioned, unprovisioned or leaseEnded,
///     "lease": {"sequence", "seconds", "secondsLeft"} or null, "boundaryBytes", "acceptsFloats", "kem"}. `verdict` is as of
///     infenclave_appraise, `manifest` the bundle's manifest.json.
int32_t infenclave_verify(
    infenclave_bytes document, infenclave_bytes nonce, infenclave_bytes policy, const infenclave_sources *sources,
    infenclave_peer **peer, infenclave_buffer *description, infenclave_buffer *failure);

/// 1 if both are the same run of an enclave with the same keys, else 0.
int32_t infenclave_peer_has_same_keys(const infenclave_peer *peer, const infenclave_peer *other);

void infenclave_peer_free(infenclave_peer *peer);

/// Reads a token file, which must be readable by its owner only.
int32_t infenclave_token_read(const char *path, infenclave_token **token, infenclave_buffer *failure);

/// Copies a token of 32 bytes.
int32_t infenclave_token_copy(infenclave_bytes bytes, infenclave_token **token, infenclave_buffer *failure);

void infenclave_token_free(infenclave_token *token);

/// Seals one classification request.
///
/// @param authority HOST:PORT of the server, for relays' logs; may be empty. @param element 1 for f32 [1, channels,
/// height, width], normalised; 2 for u8 [1, height, width, channels]. @param extents `rank` numbers. @param elements
/// Row-major, little-endian. @param message The body to send to the server, once, as message/ohttp-req.
int32_t infenclave_seal(
    const infenclave_peer *peer, const infenclave_token *token, const char *authority, uint8_t element,
    const uint32_t *extents, size_t rank, infenclave_bytes elements, infenclave_request **request,
    infenclave_buffer *message, infenclave_buffer *failure);

/// Opens the answer to a request, message/ohttp-res.
///
/// @param classes JSON: [{"index", "name", "probability"}], the most probable first.
int32_t infenclave_open(
    const infenclave_request *request, infenclave_bytes answer, infenclave_buffer *classes,
    infenclave_buffer *failure);

void infenclave_request_free(infenclave_request *request);

#ifdef __cplusplus
}
#endif

#endif
