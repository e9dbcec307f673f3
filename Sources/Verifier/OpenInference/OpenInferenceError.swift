// SPDX-License-Identifier: Apache-2.0
/// The refusal of a request, with the message for its sender.
package struct OpenInferenceError: Error, Sendable, CustomStringConvertible {
    /// By the names of gRPC's codes.
    package enum Code: String, Sendable, Hashable, CaseIterable {
        /// The request is malformed, or does not fit the model.
        case invalidArgument = "INVALID_ARGUMENT"
        case unauthenticated = "UNAUTHENTICATED"
        case permissionDenied = "PERMISSION_DENIED"
        /// No such model, version or path.
        case notFound = "NOT_FOUND"
        /// The path exists with another method.
        case wrongMethod
        /// A quota is used up, or the message is too long.
        case resourceExhausted = "RESOURCE_EXHAUSTED"
        case tooLarge
        /// The request did not arrive in time.
        case timedOut = "DEADLINE_EXCEEDED"
        /// A feature of the standard or of an extension that this proxy does not support.
        case unimplemented = "UNIMPLEMENTED"
        case internalFault = "INTERNAL"
        /// No server can answer at the moment.
        case unavailable = "UNAVAILABLE"
    }

    package let code: Code
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }

    package var httpStatus: Int {
        switch code {
        case .invalidArgument: 400
        case .unauthenticated: 401
        case .permissionDenied: 403
        case .notFound: 404
        case .wrongMethod: 405
        case .timedOut: 408
        case .tooLarge: 413
        case .resourceExhausted: 429
        case .internalFault: 500
        case .unimplemented: 501
        case .unavailable: 503
        }
    }

    static func invalid(_ message: String) -> OpenInferenceError { OpenInferenceError(.invalidArgument, message) }
}
