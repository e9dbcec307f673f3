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
    private struct Question {
        let continuation: CheckedContinuation<Result<EnclaveMessage, HostError>, Never>
        let asked: ContinuousClock.Instant
        let patience: Duration
        let isOfRequest: Bool
    }

    private struct State {
        var nextRequestID: UInt64 = 1
        var open: [UInt64: Question] = [:]
        /// Requests that have an intermediate: their next frame may come before it is asked for, when a lease ends.
        var continued: Set<UInt64> = []
        /// Such frames.
        var early: [UInt64: Result<EnclaveMessage, HostError>] = [:]
        /// When a frame came last.
        var heard = ContinuousClock.now
        var hasEnded = false
        /// What those are told whose questions end with the process.
        var farewell = EnclaveConnection.ended
    }

    private let process: EnclaveProcess
    private let state = Mutex(State())
    private let writer = SerialThread(name: "enclave-writer")

    /// - Parameter onEnd: Called once, on the reading thread, when the process is gone.
    init(process: EnclaveProcess, onEnd: @escaping @Sendable (EnclaveEnding) -> Void) {
        self.process = process
        let thread = SerialThread(name: "enclave-reader")
        thread.enqueue { [weak self] in
            let ending = self?.readUntilEnd() ?? .unknown
            onEnd(ending)
        }
    }

    /// Sends a message and waits for the first answer to it.
    func ask(_ message: HostMessage) async throws(HostError) -> EnclaveMessage {
        try await ask(message, requestID: nil).answer
    }

    /// Sends a message and waits for the answer to it. A cancelled task waits no longer: the enclave is told to forget the
    /// request.
    ///
    /// - Parameter requestID: `nil` for a new one.
    /// - Returns: The answer, and the identifier for a message that continues this request.
    /// - Throws: ``HostError``; `refusedByEnclave` for a refusal, `cancelled`.
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
        let result: Result<EnclaveMessage, HostError> = await withTaskCancellationHandler {
            await withCheckedContinuation { send(message, identifier, isContinued: requestID != nil, $0) }
        } onCancel: {
            giveUp(identifier)
        }
        switch try result.get() {
        case .refused(let code): throw HostError(refused: code)
        case let answer: return (answer, identifier)
        }
    }

    private func send(
        _ message: HostMessage, _ identifier: UInt64, isContinued: Bool,
        _ continuation: CheckedContinuation<Result<EnclaveMessage, HostError>, Never>
    ) {
        let question = Question(
            continuation: continuation, asked: .now, patience: message.patience, isOfRequest: message.isOfRequest)
        let refusal: HostError? = state.withLock { state in
            guard !state.hasEnded else { return state.farewell }
            // The task may have been cancelled before there was anything to give up.
            guard !Task.isCancelled else { return Self.cancelled }
            state.open[identifier] = question
            return nil
        }
        if let refusal {
            if isContinued { write(.cancel, identifier) }
            return continuation.resume(returning: .failure(refusal))
        }
        write(message, identifier)
    }

    private func write(_ message: HostMessage, _ identifier: UInt64) {
        writer.enqueue { [process] in
            // A failed write means that the process is gone: the reader sees that too and fails all that is open.
            try? process.socket.write(message, requestID: identifier)
        }
    }

    private func giveUp(_ identifier: UInt64) {
        let question = state.withLock { state in
            state.continued.remove(identifier)
            state.early[identifier] = nil
            return state.open.removeValue(forKey: identifier)
        }
        guard let question else { return }
        question.continuation.resume(returning: .failure(Self.cancelled))
        if question.isOfRequest { write(.cancel, identifier) }
    }

    var hasEnded: Bool { state.withLock(\.hasEnded) }

    /// For how long the enclave has owed an answer, when that is longer than it may take; `nil` while it owes none.
    ///
    /// - Parameter wasSilent: It was overdue at the last look: only an answer changes that.
    func overdue(at now: ContinuousClock.Instant, wasSilent: Bool) -> Duration? {
        state.withLock { state in
            // It takes questions in their order.
            guard let first = state.open.values.min(by: { $0.asked < $1.asked }) else { return nil }
            let silence = now - max(first.asked, state.heard)
            return silence > (wasSilent ? Self.pause : first.patience) ? silence : nil
        }
    }

    /// Between two looks.
    static let pause = Duration.milliseconds(500)

    /// Ends the process.
    ///
    /// - Parameter farewell: What those are told who wait.
    func close(_ farewell: HostError = EnclaveConnection.ended) {
        state.withLock { $0.farewell = farewell }
        process.end()
    }

    /// How the process ended, which it has, and the last that it said.
    var lastWords: String {
        let (ending, line) = (process.end(), process.lastLine)
        return "the enclave process \(ending.description)" + (line.isEmpty ? "" : "; it said: \(line)")
    }

    static let ended = HostError(.enclaveUnavailable, "the enclave process has ended")
    private static let cancelled = HostError(.cancelled, "the request was given up")

    private func settle(_ requestID: UInt64, _ result: Result<EnclaveMessage, HostError>) {
        let waiting = state.withLock { state in
            let waiting = state.open.removeValue(forKey: requestID)
            if case .success(.intermediate) = result, waiting != nil { state.continued.insert(requestID) }
            if waiting == nil, state.continued.contains(requestID) { state.early[requestID] = result }
            state.heard = .now
            return waiting
        }
        waiting?.continuation.resume(returning: result)
    }

    /// A request is continued once.
    private func takeEarly(_ requestID: UInt64) -> Result<EnclaveMessage, HostError>? {
        state.withLock { state in
            state.continued.remove(requestID)
            return state.early.removeValue(forKey: requestID)
        }
    }

    private func readUntilEnd() -> EnclaveEnding {
        let limits = FrameLimits()
        while let received = try? process.socket.read(limits: limits) {
            switch received {
            case .frame(let frame): settle(frame.requestID, .success(frame.message))
            case .malformed(let requestID, let error):
                settle(requestID, .failure(HostError(.protocolViolation, error.message)))
            }
        }
        let ending = process.end()
        let (abandoned, farewell) = state.withLock { state in
            state.hasEnded = true
            defer { state.open = [:] }
            return (state.open.values, state.farewell)
        }
        for question in abandoned { question.continuation.resume(returning: .failure(farewell)) }
        return ending
    }
}

extension HostMessage {
    /// How long an enclave that computes may be silent about it.
    fileprivate var patience: Duration {
        switch self {
        // It opens and lays out the model.
        case .provision: .seconds(120)
        // A start has a timeout of its own, and platforms take their time for a quote.
        case .hello, .loadManifest, .loadPart, .evidence: .seconds(30)
        case .infer, .backNetResult: .seconds(10)
        case .backNetFailure, .cancel, .status, .shutdown: .seconds(5)
        }
    }

    fileprivate var isOfRequest: Bool {
        switch self {
        case .infer, .backNetResult, .backNetFailure: true
        default: false
        }
    }
}
