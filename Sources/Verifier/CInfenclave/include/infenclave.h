// SPDX-License-Identifier: Apache-2.0
#ifndef INFENCLAVE_H
#define INFENCLAVE_H

/// Verification, sealing and opening for programs in other languages. There is no network, file or clock behind these functions,
/// but for infenclave_token_read. All may be called from any thread, also at the same time with the same objects, as long as
/// none is freed meanwhile.
///
/// What a function takes stays the caller's and is read during the call only; it may be NULL where its count is 0. What a
/// function gives is the caller's to free: buffers with infenclave_buffer_free, objects with the function of their type.
/// Texts are UTF-8; those that are taken end in a zero byte.
///
/// Functions that can fail return INFENCLAVE_OK, or INFENCLAVE_FAILED with a failure, a JSON object:
/// {"code", "message", "remedy", "refusal", "verdict"}. `code` is attestationRejected, invalidConfiguration, invalidInput,
/// invalidResponse, refused or unknownToken; `refusal` the enclave's word for it, or null; `verdict` as of
/// infenclave_appraise where `code` is attestationRejected, else null. INFENCLAVE_MISUSE says that a pointer that is needed is
/// NULL; then nothing else was done.

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Raised when a function or a structure changes. What is added alone does not raise it.
#define INFENCLAVE_ABI_VERSION 1

#define INFENCLAVE_OK 0
#define INFENCLAVE_FAILED 1
#define INFENCLAVE_MISUSE 2

/// Bytes of the caller's.
typedef struct infenclave_bytes {
    const uint8_t *bytes;
    size_t count;
} infenclave_bytes;

/// Bytes of the library's, until infenclave_buffer_free. JSON ends without a zero byte.
typedef struct infenclave_buffer {
    uint8_t *bytes;
    size_t count;
} infenclave_buffer;

/// A file of the vendor's (Documentation/protocol.md, section 2).
typedef struct infenclave_collateral {
    /// Such as "vcek" or "tcb_info". Roles that are not known are passed over.
    const char *role;
    infenclave_bytes bytes;
} infenclave_collateral;

/// How new a piece of collateral was that was verified before: what is older is refused.
typedef struct infenclave_seen {
    /// As `collateral` of a verdict names it.
    const char *name;
    /// Seconds since 1970.
    int64_t date;
    /// Intel's tcbEvaluationDataNumber, or -1.
    int64_t evaluation_data_number;
} infenclave_seen;

/// What evidence is verified with.
typedef struct infenclave_sources {
    /// When certificates and collateral have to be valid, in seconds since 1970.
    int64_t time;
    /// The caller's own, which takes the place of what a server sends.
    const infenclave_collateral *collateral;
    size_t collateral_count;
    const infenclave_seen *seen;
    size_t seen_count;
    /// One certificate, PEM or DER, that is trusted in the place of the vendor's: for tests. Empty for the vendor's.
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

/// INFENCLAVE_ABI_VERSION of the library. A program compares it with the header's before any other call.
uint32_t infenclave_abi_version(void);

/// Frees the bytes and sets both members to zero. An empty buffer is left as it is.
void infenclave_buffer_free(infenclave_buffer *buffer);

/// Judges saved evidence, which belongs to no session.
///
/// @param tee sgx, tdx, snp, nitro or development.
/// @param policy A policy file; empty for none: then evidence is verified to the root, and nothing appraised.
/// @param report_data What the evidence has to be bound to; empty for anything.
/// @param verdict JSON: {"report", "entries", "collateral"}. `report` is what `infenclave attest --json` prints; `entries` are all
///     checks in their order, each {"check", "summary", "outcome": passed, failed or skipped, "code", "reason", "found",
///     "expected", "remedy"}; `collateral` is what was verified, {name: {"date", "evaluationDataNumber"}}. Evidence that is rejected
///     is a verdict, not a failure.
int32_t infenclave_appraise(
    const char *tee, infenclave_bytes evidence, infenclave_bytes policy, infenclave_bytes report_data,
    const infenclave_sources *sources, infenclave_buffer *verdict, infenclave_buffer *failure);

/// Verifies that an evidence document was made for this nonce by an enclave that the policy describes.
///
/// @param document As a server sent it.
/// @param nonce 16 to 64 random bytes that the caller made for this session and used for nothing else.
/// @param peer The enclave: what messages are sealed to.
/// @param description JSON: {"verdict", "manifest", "manifestDigest", "epoch", "state": provisioned, unprovisioned or leaseEnded,
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
/// @param authority HOST:PORT of the server, for relays' logs; may be empty.
/// @param element 1 for f32 [1, channels, height, width], normalised; 2 for u8 [1, height, width, channels].
/// @param extents `rank` numbers.
/// @param elements Row-major, little-endian.
/// @param message What is sent to the server, once, as message/ohttp-req.
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
