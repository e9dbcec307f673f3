// SPDX-License-Identifier: Apache-2.0
/// How long to wait before an enclave process is started again. A single end may be an accident; several in a row are a
/// fault that a restart does not fix, so the delay grows. The caller supplies the time.
package struct RestartBackoff: Sendable {
    /// After a process that lived for this long, the delay starts again at nothing.
    package static let settled = Duration.seconds(60)
    package static let longest = Duration.seconds(30)
    private static let shortest = Duration.milliseconds(200)

    private var next = Duration.zero

    package init() {}

    /// Records that a process has ended, or could not be started.
    ///
    /// - Parameter lifetime: Zero when it could not be started.
    /// - Returns: How long to wait: nothing, 0.2 s, 0.4 s, and so on to ``longest``.
    package mutating func delay(afterLifetime lifetime: Duration) -> Duration {
        if lifetime >= Self.settled { next = .zero }
        defer { next = next == .zero ? Self.shortest : min(next * 2, Self.longest) }
        return next
    }
}
