// SPDX-License-Identifier: Apache-2.0
#include "CHTTPClient.h"

#include <curl/curl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/// A server closes a connection without a request after 60 s.
static const long kept_seconds = 45;

int chc_start(void) { return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK; }

static size_t on_header(char *bytes, size_t size, size_t count, void *context) {
    const chc_request *request = context;
    return request->on_header(request->context, (const uint8_t *)bytes, (int64_t)(size * count)) ? size * count : 0;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *context) {
    const chc_request *request = context;
    return request->on_body(request->context, (const uint8_t *)bytes, (int64_t)(size * count)) ? size * count : 0;
}

/// A request's body, and how much of it was sent.
typedef struct {
    const chc_request *request;
    int64_t sent;
} upload;

/// libcurl cannot rewind a body that it reads through a function, so it cannot send the body twice.
static size_t on_upload(char *target, size_t size, size_t count, void *context) {
    upload *body = context;
    size_t room = size * count;
    size_t left = (size_t)(body->request->body_count - body->sent);
    size_t next = left < room ? left : room;
    if (next > 0) memcpy(target, body->request->body + body->sent, next);
    body->sent += (int64_t)next;
    return next;
}

static int on_progress(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d) {
    (void)a, (void)b, (void)c, (void)d;
    const chc_request *request = context;
    return request->is_cancelled(request->context);
}

/// A child of this process does not inherit the connection.
static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address) {
    (void)context, (void)purpose;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static CURLcode configure(CURL *curl, const chc_request *request, struct curl_slist *headers, upload *body) {
    CURLcode failure = CURLE_OK;
#define SET(option, value) \
    if (failure == CURLE_OK) failure = curl_easy_setopt(curl, option, value)
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_URL, request->url);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_MAXAGE_CONN, kept_seconds);
    SET(CURLOPT_FRESH_CONNECT, request->is_fresh ? 1L : 0L);
    SET(CURLOPT_HTTPHEADER, headers);
    if (request->is_direct) SET(CURLOPT_PROXY, "");
    if (request->is_post) {
        SET(CURLOPT_POST, 1L);
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_count);
        SET(CURLOPT_READFUNCTION, on_upload);
        SET(CURLOPT_READDATA, body);
    }
    SET(CURLOPT_LOW_SPEED_LIMIT, 1L);
    SET(CURLOPT_LOW_SPEED_TIME, (long)request->timeout_seconds);
    SET(CURLOPT_CONNECTTIMEOUT, (long)request->timeout_seconds);
    SET(CURLOPT_TIMEOUT_MS, (long)request->deadline_milliseconds);
    // Name resolution cannot be interrupted, so closing the handle does not wait for it.
    SET(CURLOPT_QUICK_EXIT, 1L);
    SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, (void *)request);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, (void *)request);
    SET(CURLOPT_XFERINFOFUNCTION, on_progress);
    SET(CURLOPT_XFERINFODATA, (void *)request);
    SET(CURLOPT_NOPROGRESS, 0L);
#undef SET
    return failure;
}

/// `list` and `line`, or NULL without memory, with `list` freed.
static struct curl_slist *append(struct curl_slist *list, const char *line) {
    struct curl_slist *longer = curl_slist_append(list, line);
    if (longer == NULL) curl_slist_free_all(list);
    return longer;
}

/// NULL if there is no memory.
static struct curl_slist *make_headers(const chc_request *request) {
    // Without this line, libcurl waits before a body of a megabyte for an interim answer that few servers send.
    struct curl_slist *headers = append(NULL, "Expect:");
    const char *next = request->headers;
    while (headers != NULL && *next != 0) {
        size_t count = strcspn(next, "\n");
        char *line = strndup(next, count);
        if (line == NULL) {
            curl_slist_free_all(headers);
            return NULL;
        }
        headers = append(headers, line);
        free(line);
        next += count;
        if (*next == '\n') next += 1;
    }
    return headers;
}

static chc_outcome outcome(CURLcode code) {
    switch (code) {
    case CURLE_OK: return CHC_ANSWERED;
    case CURLE_COULDNT_RESOLVE_HOST: return CHC_UNKNOWN_HOST;
    case CURLE_COULDNT_RESOLVE_PROXY: return CHC_UNKNOWN_PROXY;
    case CURLE_COULDNT_CONNECT: return CHC_NOT_CONNECTED;
    case CURLE_OPERATION_TIMEDOUT: return CHC_LATE;
    case CURLE_PEER_FAILED_VERIFICATION: return CHC_UNTRUSTED_CERTIFICATE;
    // libcurl has several codes for invalid answers: HTTP/0.9 and other versions, header lines that have no colon, are
    // folded or exceed its own limit, and encodings that contradict the body. An invalid chunk is not among them,
    // because libcurl does not distinguish it from a broken connection.
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_FUNCTION_ARGUMENT:
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_FILESIZE_EXCEEDED:
    case CURLE_OUT_OF_MEMORY:
    case CURLE_WRITE_ERROR:
    case CURLE_ABORTED_BY_CALLBACK: return CHC_REFUSED;
    default: return CHC_FAILED;
    }
}

/// Whether the request failed on a connection that was kept, before any answer came.
static int is_stale(CURL *curl, CURLcode code) {
    long opened = 0, head = 0;
    curl_easy_getinfo(curl, CURLINFO_NUM_CONNECTS, &opened);
    curl_easy_getinfo(curl, CURLINFO_HEADER_SIZE, &head);
    switch (code) {
    // libcurl itself detected the stale connection, and cannot send the body again.
    case CURLE_SEND_FAIL_REWIND: return 1;
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR: return opened == 0 && head == 0;
    default: return 0;
    }
}

chc_connections *chc_open(void) { return (chc_connections *)curl_easy_init(); }

void chc_close(chc_connections *connections) { curl_easy_cleanup((CURL *)connections); }

chc_outcome chc_perform(
    chc_connections *connections, const chc_request *request, int *status, const char **reason) {
    CURL *curl = (CURL *)connections;
    upload body = {request, 0};
    struct curl_slist *headers = make_headers(request);
    CURLcode code = CURLE_OUT_OF_MEMORY;
    long response = 0;
    if (headers != NULL) {
        // Resets the options of the previous request, and keeps its connection.
        curl_easy_reset(curl);
        code = configure(curl, request, headers, &body);
        if (code == CURLE_OK) code = curl_easy_perform(curl);
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &response);
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, NULL);
    }
    *status = (int)response;
    *reason = curl_easy_strerror(code);
    curl_slist_free_all(headers);
    return is_stale(curl, code) ? CHC_STALE : outcome(code);
}
