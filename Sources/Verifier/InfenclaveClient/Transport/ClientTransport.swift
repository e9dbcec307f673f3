// SPDX-License-Identifier: Apache-2.0
/// The connection of a client to servers. It is not trusted: its data is sealed or public, and evidence is verified by
/// the client. Pass your own to use another HTTP library, or a relay.
public protocol ClientTransport: Sendable {
    /// Sends one HTTP request and returns its final answer, whatever the status. It follows no redirects.
    ///
    /// - Throws: ``TransportError``; `CancellationError` when the task is cancelled.
    func send(_ request: TransportRequest) async throws -> TransportResponse
}

/// One request of a client.
public struct TransportRequest: Sendable {
    /// The body of a POST request.
    public struct Body: Sendable {
        /// The content as it is sent.
        public let bytes: [UInt8]
        /// Its media type, such as `message/ohttp-req`.
        public let contentType: String

        /// A body to be posted.
        public init(bytes: [UInt8], contentType: String) {
            self.bytes = bytes
            self.contentType = contentType
        }
    }

    /// Absolute, `http` or `https`.
    public let url: String
    /// `nil` for a GET.
    public let body: Body?
    /// Header fields in addition to those that HTTP requires, by lower-case names. The client sends `infenclave-route`,
    /// one of 256 values, by which a balancer routes its requests to one server.
    public let headers: [String: String]
    /// The maximum size of the answer's body, in bytes; a longer one is a ``TransportError`` `.tooLarge`.
    public let maximumResponseBytes: Int
    /// The longest time without data from the server.
    public let idleTimeout: Duration
    /// The maximum duration of the whole exchange.
    public let deadline: Duration
    /// Whether the request needs a new connection, because it must not be sent twice.
    public let needsFreshConnection: Bool

    /// A request. Headers have lower-case names.
    public init(
        url: String, body: Body? = nil, headers: [String: String] = [:], maximumResponseBytes: Int,
        idleTimeout: Duration = .seconds(120), deadline: Duration = .seconds(240), needsFreshConnection: Bool = false
    ) {
        self.url = url
        self.body = body
        self.headers = headers
        self.maximumResponseBytes = maximumResponseBytes
        self.idleTimeout = idleTimeout
        self.deadline = deadline
        self.needsFreshConnection = needsFreshConnection
    }
}

/// The answer to a ``TransportRequest``.
public struct TransportResponse: Sendable {
    /// The HTTP status of the final answer.
    public let status: Int
    /// The headers, by their names in lower case.
    public let headers: [String: String]
    /// The content, at most the request's ``TransportRequest/maximumResponseBytes``.
    public let body: [UInt8]

    /// An answer. Headers have lower-case names.
    public init(status: Int, headers: [String: String], body: [UInt8]) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    var contentType: String { headers["content-type"] ?? "" }
}
