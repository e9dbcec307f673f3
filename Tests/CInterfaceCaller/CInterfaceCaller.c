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

int32_t cic_verify(
    infenclave_bytes document, infenclave_bytes nonce, infenclave_bytes policy, infenclave_bytes root, int64_t time,
    const infenclave_collateral *collateral, size_t collateral_count, char *text, size_t capacity) {
    infenclave_sources sources;
    infenclave_peer *peer = NULL;
    infenclave_buffer description = {NULL, 0}, failure = {NULL, 0};
    memset(&sources, 0, sizeof sources);
    sources.time = time;
    sources.collateral = collateral;
    sources.collateral_count = collateral_count;
    sources.dangerous_root = root;
    sources.dangerously_accepts_development = 1;
    int32_t status = infenclave_verify(document, nonce, policy, &sources, &peer, &description, &failure);
    const infenclave_buffer *said = status == INFENCLAVE_OK ? &description : &failure;
    if (capacity > 0) {
        size_t count = said->count < capacity - 1 ? said->count : capacity - 1;
        if (count > 0) memcpy(text, said->bytes, count);
        text[count] = '\0';
    }
    infenclave_buffer_free(&description);
    infenclave_buffer_free(&failure);
    infenclave_peer_free(peer);
    return status;
}
