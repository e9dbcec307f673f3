// SPDX-License-Identifier: Apache-2.0
import OpenInference
import Synchronization

/// How many requests, and how many bytes of their bodies, the proxy holds at a time.
package final class RequestBudget: Sendable {
    private struct Held {
        var requests = 0
        var bytes = 0
    }

    private let maximumRequests: Int
    private let maximumBytes: Int
    private let held = Mutex(Held())

    package init(maximumRequests: Int = 64, maximumBytes: Int = 256 << 20) {
        self.maximumRequests = maximumRequests
        self.maximumBytes = maximumBytes
    }

    /// Runs `body` where there is room for it.
    ///
    /// - Throws: ``OpenInferenceError`` `.unavailable`; what `body` throws.
    package func holding<Value>(_ bytes: Int, _ body: () async throws -> Value) async throws -> Value {
        let hasRoom = held.withLock { held in
            guard held.requests < maximumRequests, held.bytes + bytes <= maximumBytes else { return false }
            held.requests += 1
            held.bytes += bytes
            return true
        }
        guard hasRoom else {
            throw OpenInferenceError(
                .unavailable,
                "the proxy has \(maximumRequests) requests, or bodies of \(maximumBytes) bytes; try again in a moment")
        }
        defer {
            held.withLock { held in
                held.requests -= 1
                held.bytes -= bytes
            }
        }
        return try await body()
    }
}
