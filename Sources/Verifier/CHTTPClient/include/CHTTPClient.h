// SPDX-License-Identifier: Apache-2.0
#ifndef CHTTPCLIENT_H
#define CHTTPCLIENT_H

#include <stdint.h>

// HTTP/1.1 requests by libcurl, whose options are variadic and so out of Swift's reach. No redirects, cookies or caches.
// Connections are kept for the next request. `http` and `https` only, the latter against the system's certificates. The
// proxies of the environment (`http_proxy`, `https_proxy`, `no_proxy`) are used unless the request says otherwise.

/// Once per process, before anything else. Whether the library is usable.
int chc_start(void);

/// Connections of one thread at a time.
typedef struct chc_connections chc_connections;

/// NULL without memory.
chc_connections *chc_open(void);
void chc_close(chc_connections *connections);

typedef struct {
    /// A terminated string, as all others.
    const char *url;
    /// Header lines, each but the last with a line feed behind it; may be empty.
    const char *headers;
    /// Whether the body is posted, which may be empty; else it is a GET.
    int is_post;
    const uint8_t *body;
    int64_t body_count;
    /// Whether the server is asked directly, whatever the environment says.
    int is_direct;
    /// Whether a connection that was kept must not be used.
    int is_fresh;
    /// Without a sign of life: less than a byte a second.
    int64_t timeout_seconds;
    /// For the whole exchange.
    int64_t deadline_milliseconds;
    /// Given to the functions that follow. All are called on the thread of `chc_perform`, before it returns.
    void *context;
    /// A line of the head, with its line end; also of interim answers, whose heads start again with `HTTP/`, and of
    /// trailers. Returns 0 to give up.
    int (*on_header)(void *context, const uint8_t *bytes, int64_t count);
    /// A piece of the body. Returns 0 to give up.
    int (*on_body)(void *context, const uint8_t *bytes, int64_t count);
    /// Asked about once a second, or more often. Returns other than 0 to give up.
    int (*is_cancelled)(void *context);
} chc_request;

typedef enum {
    CHC_ANSWERED,
    CHC_UNKNOWN_HOST,
    CHC_UNKNOWN_PROXY,
    CHC_NOT_CONNECTED,
    CHC_LATE,
    CHC_UNTRUSTED_CERTIFICATE,
    /// What came is no answer in HTTP/1.1, or a function of the request gave up.
    CHC_REFUSED,
    /// A kept connection broke before any answer came, after some of the body was sent. The library does not send the body
    /// again by itself: the enclave refuses a message that it has seen.
    CHC_STALE,
    /// Anything else: `reason` says what.
    CHC_FAILED,
} chc_outcome;

/// Blocks until the exchange is over. `status` is that of the final answer; `reason` a static string, never NULL.
chc_outcome chc_perform(
    chc_connections *connections, const chc_request *request, int *status, const char **reason);

#endif
