// SPDX-License-Identifier: Apache-2.0
import Hummingbird
import NIOCore
import OpenInference

extension Request {
    /// The whole body.
    ///
    /// - Parameters:
    ///   - declared: The length, if the client states it.
    ///   - tooLarge: The error to throw for a body of more than `maximumBytes`.
    ///   - limit: How long the client may take to send it.
    /// - Throws: ``OpenInferenceError`` `.timedOut`, `.invalidArgument`, or `tooLarge`; `CancellationError`.
    func bytes(
        declared: Int?, atMost maximumBytes: Int, else tooLarge: OpenInferenceError, within limit: Duration
    ) async throws -> [UInt8] {
        let late = OpenInferenceError(
            .timedOut, "the body did not arrive within \(limit); send it again")
        return try await within(limit, else: late) { [body] in
            var bytes: [UInt8] = []
            bytes.reserveCapacity(declared ?? 0)
            do {
                for try await part in body {
                    guard bytes.count + part.readableBytes <= maximumBytes else { throw tooLarge }
                    bytes += part.readableBytesView
                }
            } catch let error as OpenInferenceError { throw error } catch {
                try Task.checkCancellation()
                throw OpenInferenceError(.invalidArgument, "the body broke off")
            }
            // A cancelled read ends the sequence too.
            try Task.checkCancellation()
            return bytes
        }
    }
}
