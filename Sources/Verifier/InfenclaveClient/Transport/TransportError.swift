// SPDX-License-Identifier: Apache-2.0
/// Why a ``ClientTransport`` has no answer.
public struct TransportError: Error, Sendable, CustomStringConvertible {
    /// A stable, open set of error codes.
    public struct Code: Sendable, Hashable {
        /// The code's name, such as `notConnected`.
        public let name: String
        private init(_ name: String) { self.name = name }

        /// No connection could be made: nothing was sent.
        public static let notConnected = Code("notConnected")
        /// A connection kept from an earlier request broke before any answer arrived. Servers close connections that
        /// wait for a request, so the request was probably not read.
        public static let staleConnection = Code("staleConnection")
        /// The connection broke: the server may have read the request.
        public static let brokenConnection = Code("brokenConnection")
        /// No answer in time.
        public static let timedOut = Code("timedOut")
        /// The answer is over the request's limit.
        public static let tooLarge = Code("tooLarge")
        /// The answer is not HTTP.
        public static let notHTTP = Code("notHTTP")
        /// The transport cannot work here.
        public static let unusable = Code("unusable")
    }

    /// The kind of error.
    public let code: Code
    /// What happened, in one line.
    public let message: String
    /// The remedy, if it is not to check the server.
    public let remedy: String?

    /// An error of a transport.
    public init(_ code: Code, _ message: String, remedy: String? = nil) {
        self.code = code
        self.message = message
        self.remedy = remedy
    }

    /// The message.
    public var description: String { message }
}
