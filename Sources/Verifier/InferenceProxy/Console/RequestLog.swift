// SPDX-License-Identifier: Apache-2.0
import Foundation
package import InfenclaveImaging
import Synchronization

/// The last requests of all kinds, for the console. It keeps no input and no answer.
package final class RequestLog: Sendable {
    package struct Entry: Sendable, Encodable {
        /// Seconds since 1970.
        let time: Double
        /// `picture` or `tensor`.
        let kind: String
        /// The size of the picture's file or of the tensor.
        let bytes: Int
        let milliseconds: Double
        /// `answered`, the code of an error, or the code with which enclave or host refused.
        let outcome: String
    }

    /// The number of requests that are kept.
    static let capacity = 50

    private let entries = Mutex<[Entry]>([])

    package init() {}

    /// The newest first.
    var newest: [Entry] { entries.withLock { $0.reversed() } }

    func observe<Value>(
        _ kind: String, bytes: Int, _ body: () async throws -> Value
    ) async throws -> Value {
        let (time, start) = (Date().timeIntervalSince1970, ContinuousClock.now)
        func note(_ outcome: String) {
            let entry = Entry(
                time: time, kind: kind, bytes: bytes, milliseconds: start.duration(to: .now).milliseconds,
                outcome: outcome)
            entries.withLock { entries in
                entries.append(entry)
                if entries.count > Self.capacity { entries.removeFirst(entries.count - Self.capacity) }
            }
        }
        do {
            let value = try await body()
            note("answered")
            return value
        } catch let error as ClientError {
            note(error.refusal?.rawValue ?? error.code.name)
            throw error
        } catch {
            note("cancelled")
            throw error
        }
    }
}

/// Records the outcome of every request.
package struct LoggedBackend: ClassificationBackend {
    private let backend: any ClassificationBackend
    private let log: RequestLog

    package init(_ backend: any ClassificationBackend, log: RequestLog) {
        self.backend = backend
        self.log = log
    }

    package func model() async throws -> ServedModel { try await backend.model() }

    package func classify(_ input: ModelInput) async throws -> [Classification] {
        let (kind, bytes) =
            switch input {
            case .tensor(let tensor): ("tensor", tensor.byteCount)
            case .picture(let file): ("picture", file.count)
            }
        return try await log.observe(kind, bytes: bytes) { try await backend.classify(input) }
    }

    package var readiness: Readiness { backend.readiness }
}
