import FrameSocket
import Glibc
import Synchronization
import Tensors
import Wire

/// Questions and answers over the socket of one enclave process. When the process ends, every open question fails.
///
/// One thread reads and never writes, so that both ends cannot wait for each other; writing happens on the threads of
/// `writer`.
final class EnclaveConnection: Sendable {
    private struct State {
        var nextRequestID: UInt64 = 1
        var open: [UInt64: CheckedContinuation<Result<EnclaveMessage, HostError>, Never>] = [:]
        /// Requests that have an intermediate: their next frame may come before it is asked for, when a lease ends.
        var continued: Set<UInt64> = []
        /// Such frames.
        var early: [UInt64: Result<EnclaveMessage, HostError>] = [:]
        var hasEnded = false
    }

    private let process: EnclaveProcess
    private let state = Mutex(State())
    private let writer = SerialThread(name: "enclave-writer")
    /// For inferences: the enclave refuses what goes beyond.
    let credits = Credits()

    /// - Parameter onEnd: Called once, on the reading thread, when the process is gone.
    init(process: EnclaveProcess, onEnd: @escaping @Sendable () -> Void) {
        self.process = process
        let thread = SerialThread(name: "enclave-reader")
        thread.enqueue { [weak self] in
            self?.readUntilEnd()
            onEnd()
        }
    }

    /// Sends a message and waits for the first answer to it.
    func ask(_ message: HostMessage) async throws(HostError) -> EnclaveMessage {
        try await ask(message, requestID: nil).answer
    }

    /// Sends a message and waits for the answer to it.
    ///
    /// - Parameter requestID: `nil` for a new one.
    /// - Returns: The answer, and the identifier for a message that continues this request.
    /// - Throws: ``HostError``; `refusedByEnclave` for a refusal.
    func ask(
        _ message: HostMessage, requestID: UInt64?
    ) async throws(HostError) -> (answer: EnclaveMessage, requestID: UInt64) {
        let identifier =
            requestID
            ?? state.withLock { state in
                defer { state.nextRequestID += 1 }
                return state.nextRequestID
            }
        if requestID != nil, let early = takeEarly(identifier) {
            switch try early.get() {
            case .refused(let code): throw HostError(refused: code)
            case let answer: return (answer, identifier)
            }
        }
        let result: Result<EnclaveMessage, HostError> = await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                guard !state.hasEnded else { return false }
                state.open[identifier] = continuation
                return true
            }
            guard isOpen else {
                continuation.resume(returning: .failure(Self.ended))
                return
            }
            writer.enqueue { [process] in
                // A failed write means that the process is gone: the reader sees that too and fails all that is open.
                try? process.socket.write(message, requestID: identifier)
            }
        }
        switch try result.get() {
        case .refused(let code): throw HostError(refused: code)
        case let answer: return (answer, identifier)
        }
    }

    var hasEnded: Bool { state.withLock(\.hasEnded) }

    /// Ends the process.
    func close() { process.end() }

    private static let ended = HostError(.enclaveUnavailable, "the enclave process has ended")

    private func settle(_ requestID: UInt64, _ result: Result<EnclaveMessage, HostError>) {
        let waiting = state.withLock { state in
            if case .success(.intermediate) = result { state.continued.insert(requestID) }
            let waiting = state.open.removeValue(forKey: requestID)
            if waiting == nil, state.continued.contains(requestID) { state.early[requestID] = result }
            return waiting
        }
        waiting?.resume(returning: result)
    }

    /// A request is continued once.
    private func takeEarly(_ requestID: UInt64) -> Result<EnclaveMessage, HostError>? {
        state.withLock { state in
            state.continued.remove(requestID)
            return state.early.removeValue(forKey: requestID)
        }
    }

    private func readUntilEnd() {
        let limits = FrameLimits()
        while let received = try? process.socket.read(limits: limits) {
            switch received {
            case .frame(let frame): settle(frame.requestID, .success(frame.message))
            case .malformed(let requestID, let error):
                settle(requestID, .failure(HostError(.protocolViolation, error.message)))
            }
        }
        process.end()
        let abandoned = state.withLock { state in
            state.hasEnded = true
            defer { state.open = [:] }
            return state.open.values
        }
        for continuation in abandoned { continuation.resume(returning: .failure(Self.ended)) }
    }
}
