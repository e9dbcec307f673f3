// SPDX-License-Identifier: Apache-2.0
import FrameStream

/// One run of an enclave, wherever it runs.
protocol RunningEnclave: AnyObject, Sendable {
    /// The connection, which ends with the run.
    var stream: HostStream { get }
    /// The last line of its output; empty if there is none.
    var lastLine: String { get }

    /// Ends the run, as far as this host can.
    ///
    /// - Returns: How it ended; the same for every caller.
    @discardableResult
    func end() -> EnclaveEnding
}

/// Provides the runs of an enclave, one after the other.
protocol EnclaveSource: Sendable {
    /// A description of what the host waits for while there is no run; `nil` if a run is started at once.
    var awaited: String? { get }

    /// Starts the next run, or waits for it.
    ///
    /// - Parameter onOutput: Called with each line of its output.
    /// - Throws: ``HostError``.
    func next(_ onOutput: @escaping @Sendable (String) -> Void) async throws(HostError) -> any RunningEnclave

    /// Ends a wait for the next run; no run follows.
    func close()
}
