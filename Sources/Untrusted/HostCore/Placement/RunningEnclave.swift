// SPDX-License-Identifier: Apache-2.0
import FrameStream

/// One run of an enclave, wherever it runs.
protocol RunningEnclave: AnyObject, Sendable {
    /// Ends with the run.
    var stream: HostStream { get }
    /// The last that it wrote beside the stream, empty without it.
    var lastLine: String { get }

    /// Ends the run, as far as this host can.
    ///
    /// - Returns: How it ended; the same for every caller.
    @discardableResult
    func end() -> EnclaveEnding
}

/// Where runs of an enclave come from, one after the other.
protocol EnclaveSource: Sendable {
    /// What is waited for while there is no run; `nil` where one is started at once.
    var awaited: String? { get }

    /// Starts the next run, or waits for it.
    ///
    /// - Parameter onOutput: Called with each line that it writes beside its stream.
    /// - Throws: ``HostError``.
    func next(_ onOutput: @escaping @Sendable (String) -> Void) async throws(HostError) -> any RunningEnclave

    /// Ends a wait for the next run; there is none after it.
    func close()
}
