// SPDX-License-Identifier: Apache-2.0
#include "CInterfaceCaller.h"

#include <string.h>

static const infenclave_bytes none = {NULL, 0};
static const infenclave_bytes nowhere = {NULL, 3};

static infenclave_bytes bytes_of(const char *text) {
    infenclave_bytes bytes = {(const uint8_t *)text, strlen(text)};
    return bytes;
}

/// Whether the call failed with a failure of this code, which is freed.
static int failed(int32_t status, infenclave_buffer *failure, const char *code) {
    char found[64] = "";
    const char *member = "\"code\":\"";
    if (status != INFENCLAVE_FAILED || failure->bytes == NULL) return 0;
    for (size_t index = 0; index + strlen(member) < failure->count; index++) {
        if (memcmp(failure->bytes + index, member, strlen(member)) != 0) continue;
        for (size_t length = 0; length + 1 < sizeof found; length++) {
            size_t at = index + strlen(member) + length;
            if (at >= failure->count || failure->bytes[at] == '"') break;
            found[length] = (char)failure->bytes[at];
        }
        break;
    }
    infenclave_buffer_free(failure);
    return strcmp(found, code) == 0 && failure->bytes == NULL && failure->count == 0;
}

const char *cic_misuse(void) {
    infenclave_buffer result = {NULL, 0}, failure = {NULL, 0};
    infenclave_sources sources;
    infenclave_peer *peer = NULL;
    infenclave_token *token = NULL;
    infenclave_request *request = NULL;
    memset(&sources, 0, sizeof sources);
    const uint8_t secret[33] = {1};
    const infenclave_bytes whole = {secret, 32}, longer = {secret, 33};

    if (infenclave_abi_version() != INFENCLAVE_ABI_VERSION) return "infenclave_abi_version";
    infenclave_buffer_free(NULL);
    infenclave_buffer_free(&result);
    infenclave_peer_free(NULL);
    infenclave_token_free(NULL);
    infenclave_request_free(NULL);

    if (infenclave_appraise(NULL, none, none, none, &sources, &result, &failure) != INFENCLAVE_MISUSE ||
        infenclave_appraise("snp", none, none, none, NULL, &result, &failure) != INFENCLAVE_MISUSE ||
        infenclave_appraise("snp", none, none, none, &sources, NULL, &failure) != INFENCLAVE_MISUSE ||
        infenclave_appraise("snp", none, none, none, &sources, &result, NULL) != INFENCLAVE_MISUSE)
        return "infenclave_appraise with NULL";
    if (!failed(infenclave_appraise("sev", none, none, none, &sources, &result, &failure), &failure, "invalidInput"))
        return "infenclave_appraise of an unknown TEE";
    if (!failed(infenclave_appraise("\xff", none, none, none, &sources, &result, &failure), &failure, "invalidInput"))
        return "infenclave_appraise of a TEE that is no text";
    if (!failed(infenclave_appraise("snp", nowhere, none, none, &sources, &result, &failure), &failure, "invalidInput"))
        return "infenclave_appraise of bytes that are nowhere";
    if (!failed(
            infenclave_appraise("snp", none, bytes_of("{}"), none, &sources, &result, &failure), &failure,
            "invalidConfiguration"))
        return "infenclave_appraise with a bad policy";
    sources.collateral_count = 1;
    if (!failed(infenclave_appraise("snp", none, none, none, &sources, &result, &failure), &failure, "invalidInput"))
        return "infenclave_appraise with collateral that is nowhere";
    const infenclave_collateral twice[2] = {{"crl", {secret, 1}}, {"crl", {secret, 1}}};
    sources.collateral = twice;
    sources.collateral_count = 2;
    if (!failed(infenclave_appraise("snp", none, none, none, &sources, &result, &failure), &failure, "invalidInput"))
        return "infenclave_appraise with one role twice";
    memset(&sources, 0, sizeof sources);
    sources.dangerous_root = whole;
    if (!failed(infenclave_appraise("snp", none, none, none, &sources, &result, &failure), &failure, "invalidInput"))
        return "infenclave_appraise with a root that is none";
    memset(&sources, 0, sizeof sources);
    if (infenclave_appraise("snp", none, none, none, &sources, &result, &failure) != INFENCLAVE_OK ||
        result.count == 0)
        return "infenclave_appraise of empty evidence";
    infenclave_buffer_free(&result);

    if (infenclave_verify(none, none, none, NULL, &peer, &result, &failure) != INFENCLAVE_MISUSE ||
        infenclave_verify(none, none, none, &sources, NULL, &result, &failure) != INFENCLAVE_MISUSE)
        return "infenclave_verify with NULL";
    if (!failed(
            infenclave_verify(none, none, none, &sources, &peer, &result, &failure), &failure, "invalidConfiguration"))
        return "infenclave_verify without a policy";
    if (!failed(
            infenclave_verify(
                bytes_of("{}"), whole, bytes_of("{\"version\":2,\"tee\":[\"snp\"]}"), &sources, &peer, &result,
                &failure),
            &failure, "invalidResponse") ||
        peer != NULL)
        return "infenclave_verify of no document";
    if (infenclave_peer_has_same_keys(NULL, NULL) != 0) return "infenclave_peer_has_same_keys with NULL";

    if (infenclave_token_copy(whole, NULL, &failure) != INFENCLAVE_MISUSE ||
        infenclave_token_read(NULL, &token, &failure) != INFENCLAVE_MISUSE)
        return "tokens with NULL";
    if (!failed(infenclave_token_copy(longer, &token, &failure), &failure, "invalidConfiguration") ||
        !failed(infenclave_token_copy(nowhere, &token, &failure), &failure, "invalidConfiguration") || token != NULL)
        return "infenclave_token_copy of other bytes";
    if (!failed(infenclave_token_read("/nowhere/token", &token, &failure), &failure, "invalidConfiguration"))
        return "infenclave_token_read of no file";
    if (infenclave_token_copy(whole, &token, &failure) != INFENCLAVE_OK || token == NULL)
        return "infenclave_token_copy";
    if (infenclave_seal(NULL, token, "", 2, NULL, 0, none, &request, &result, &failure) != INFENCLAVE_MISUSE ||
        infenclave_open(NULL, none, &result, &failure) != INFENCLAVE_MISUSE)
        return "infenclave_seal and infenclave_open with NULL";
    infenclave_token_free(token);
    return NULL;
}

/// Writes a buffer as text that ends in a zero byte.
static void write_text(const infenclave_buffer *said, char *text, size_t capacity) {
    if (capacity == 0) return;
    size_t count = said->count < capacity - 1 ? said->count : capacity - 1;
    if (count > 0) memcpy(text, said->bytes, count);
    text[count] = '\0';
}

static infenclave_sources sources_of(
    infenclave_bytes root, int64_t time, const infenclave_collateral *collateral, size_t collateral_count) {
    infenclave_sources sources;
    memset(&sources, 0, sizeof sources);
    sources.time = time;
    sources.collateral = collateral;
    sources.collateral_count = collateral_count;
    sources.dangerous_root = root;
    sources.dangerously_accepts_development = 1;
    return sources;
}

int32_t cic_verify(
    infenclave_bytes document, infenclave_bytes nonce, infenclave_bytes policy, infenclave_bytes root, int64_t time,
    const infenclave_collateral *collateral, size_t collateral_count, char *text, size_t capacity) {
    const infenclave_sources sources = sources_of(root, time, collateral, collateral_count);
    infenclave_peer *peer = NULL;
    infenclave_buffer description = {NULL, 0}, failure = {NULL, 0};
    int32_t status = infenclave_verify(document, nonce, policy, &sources, &peer, &description, &failure);
    write_text(status == INFENCLAVE_OK ? &description : &failure, text, capacity);
    infenclave_buffer_free(&description);
    infenclave_buffer_free(&failure);
    infenclave_peer_free(peer);
    return status;
}

const char *cic_exchange(
    infenclave_bytes document, infenclave_bytes nonce, infenclave_bytes policy, infenclave_bytes root, int64_t time,
    const infenclave_collateral *collateral, size_t collateral_count, infenclave_bytes secret, infenclave_bytes pixels,
    cic_server server, void *context, char *text, size_t capacity) {
    const infenclave_sources sources = sources_of(root, time, collateral, collateral_count);
    const uint32_t extents[4] = {1, 8, 8, 3}, others[4] = {1, 3, 8, 8};
    infenclave_peer *peer = NULL;
    infenclave_token *token = NULL;
    infenclave_request *request = NULL;
    infenclave_buffer description = {NULL, 0}, message = {NULL, 0}, classes = {NULL, 0}, failure = {NULL, 0};
    uint8_t answer[4096];
    const char *fault = NULL;

    if (infenclave_verify(document, nonce, policy, &sources, &peer, &description, &failure) != INFENCLAVE_OK ||
        description.count == 0)
        fault = "infenclave_verify";
    else if (infenclave_peer_has_same_keys(peer, peer) != 1)
        fault = "infenclave_peer_has_same_keys";
    else if (infenclave_token_copy(secret, &token, &failure) != INFENCLAVE_OK)
        fault = "infenclave_token_copy";
    else if (!failed(
                 infenclave_seal(peer, token, "", 2, others, 4, pixels, &request, &message, &failure), &failure,
                 "invalidInput") ||
             request != NULL)
        fault = "infenclave_seal of another shape";
    else if (infenclave_seal(
                 peer, token, "example.com:8080", 2, extents, 4, pixels, &request, &message, &failure) !=
                 INFENCLAVE_OK ||
             message.count == 0)
        fault = "infenclave_seal";
    if (fault == NULL) {
        infenclave_bytes sent = {message.bytes, message.count}, received = {answer, 0};
        received.count = server(context, sent, answer, sizeof answer);
        if (received.count == 0) {
            fault = "the server";
        } else {
            answer[received.count - 1] ^= 1;
            if (!failed(infenclave_open(request, received, &classes, &failure), &failure, "invalidResponse"))
                fault = "infenclave_open of a changed answer";
            answer[received.count - 1] ^= 1;
            if (fault == NULL && infenclave_open(request, received, &classes, &failure) != INFENCLAVE_OK)
                fault = "infenclave_open";
        }
    }
    write_text(fault == NULL ? &classes : &failure, text, capacity);
    infenclave_buffer_free(&description);
    infenclave_buffer_free(&message);
    infenclave_buffer_free(&classes);
    infenclave_buffer_free(&failure);
    infenclave_request_free(request);
    infenclave_token_free(token);
    infenclave_peer_free(peer);
    return fault;
}
