// SPDX-License-Identifier: Apache-2.0
import Foundation
import InfenclaveImaging

/// The backend of the console page: the state of the servers, and classification of one picture at a time.
package struct Console: Sendable {
    private let pool: UpstreamPool
    private let log: RequestLog
    private let policy: PolicyFile
    private let queue = DispatchQueue(label: "infenclave.console")

    /// - Parameter log: The log of all requests, to which the console's are added as well.
    package init(pool: UpstreamPool, log: RequestLog, policy: PolicyFile) {
        self.pool = pool
        self.log = log
        self.policy = policy
    }

    var state: ConsoleState {
        ConsoleState(
            time: Date().timeIntervalSince1970, policy: policy.text, policyPath: policy.path,
            servers: pool.standings.map(ConsoleState.Server.init), requests: log.newest)
    }

    /// Classifies a picture, and reports the time of each stage and what the host saw.
    ///
    /// - Throws: ``ClientError``; `CancellationError`.
    func classify(_ file: [UInt8]) async throws -> ConsoleAnswer {
        try await log.observe("picture", bytes: file.count) { try await observed(file) }
    }

    private func observed(_ file: [UInt8]) async throws -> ConsoleAnswer {
        let clock = ContinuousClock()
        let start = clock.now
        let session = try await pool.session()
        let attested = clock.now
        let prepared = try await prepare(file, for: session)
        let ready = clock.now
        let record = ExchangeRecord()
        let classes = try await ExchangeRecord.$current.withValue(record) {
            try await pool.classify(.tensor(prepared.tensor))
        }
        let total = ready.duration(to: clock.now).milliseconds
        let exchanges = record.all
        let outside = exchanges.reduce(0) { $0 + $1.milliseconds }
        return ConsoleAnswer(
            classes: classes.map { .init(index: $0.index, name: $0.name, probability: $0.probability) },
            stages: [
                .init(name: "Attest the enclave, if needed", milliseconds: (attested - start).milliseconds),
                .init(name: "Decode, resize and crop", milliseconds: (ready - attested).milliseconds),
                .init(name: "Encrypt the request, decrypt the answer", milliseconds: max(0, total - outside)),
                .init(name: "Network, host and enclave", milliseconds: outside),
            ],
            picture: Data(prepared.png).base64EncodedString(), width: prepared.width, height: prepared.height,
            exchanges: exchanges)
    }

    private struct Prepared {
        let tensor: Tensor
        let png: [UInt8]
        let width: Int
        let height: Int
    }

    /// On a separate thread, because a large picture takes hundreds of milliseconds.
    private func prepare(_ file: [UInt8], for session: EnclaveSession) async throws -> Prepared {
        try await withCheckedThrowingContinuation { continuation in
            queue.async {
                continuation.resume(
                    with: Result {
                        do throws(ImagingError) {
                            let image = try Image(decoding: file.span.bytes)
                            let fitted = try Preprocessor(session.manifest.input.preprocessing).fitted(image)
                            return Prepared(
                                tensor: try session.encode(image), png: try fitted.pngBytes(), width: fitted.width,
                                height: fitted.height)
                        } catch { throw ClientError(.invalidInput, error.message) }
                    })
            }
        }
    }
}
