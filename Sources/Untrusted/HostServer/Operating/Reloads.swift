// SPDX-License-Identifier: Apache-2.0
import HostCore

/// Serialises reloads of the configuration. Requests that arrive during a reload cause one more.
struct Reloads: Sendable {
    private let work: (@Sendable () async -> Void)?
    private let log: OperatorLog
    private let asked: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    /// - Parameter work: `nil` for a server that has no configuration.
    init(_ work: (@Sendable () async -> Void)?, log: OperatorLog) {
        (self.work, self.log) = (work, log)
        (asked, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    @Sendable func ask() {
        guard work != nil else {
            return log.write(LogLine(.info, "SIGHUP: there is no configuration to read again"))
        }
        log.write(LogLine(.info, "SIGHUP: reading the configuration again"))
        continuation.yield()
    }

    /// Runs until its task is cancelled.
    func run() async {
        guard let work else { return }
        for await _ in asked { await work() }
    }
}
