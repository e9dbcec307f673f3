// SPDX-License-Identifier: Apache-2.0
#ifndef CHTTPCLIENT_H
#define CHTTPCLIENT_H

#include <stdint.h>

// HTTP/1.1 requests by libcurl, whose functions for options are variadic, which Swift cannot call. No redirects,
// cookies or caches. Connections are kept for the next request. `http` and `https` only, the latter against the
// system's certificates. The proxies of the environment (`http_proxy`, `https_proxy`, `no_proxy`) are used unless the
// request says otherwise.

/// Call it once per process, before anything else. Returns whether the library is usable.
int chc_start(void);

/// Connections of one thread at a time.
typedef struct chc_connections chc_connections;

/// NULL if there is no memory.
chc_connections *chc_open(void);
void chc_close(chc_connections *connections);

typedef struct {
    /// A terminated string, as all others.
    const char *url;
    /// Header lines, separated by line feeds; may be empty.
    const char *headers;
    /// Whether this is a POST with the body, which may be empty; otherwise it is a GET.
    int is_post;
    const uint8_t *body;
    int64_t body_count;
    /// Whether the server is contacted directly, even if the environment names a proxy.
    int is_direct;
    /// Whether a new connection must be used instead of a kept one.
    int is_fresh;
    /// The longest time with a transfer rate below a byte a second.
    int64_t timeout_seconds;
    /// For the whole exchange.
    int64_t deadline_milliseconds;
    /// Passed to the following functions, which are all called on the thread of `chc_perform`, before it returns.
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
    /// The answer is not valid HTTP/1.1, or a function of the request gave up.
    CHC_REFUSED,
    /// A kept connection broke before any answer came, after some of the body was sent. The body is not sent again
    /// automatically, because the enclave refuses a message that it has seen.
    CHC_STALE,
    /// Anything else: `reason` says what.
    CHC_FAILED,
} chc_outcome;

/// Blocks until the exchange is over. `status` is that of the final answer; `reason` a static string, never NULL.
chc_outcome chc_perform(
    chc_connections *connections, const chc_request *request, int *status, const char **reason);

#endif
