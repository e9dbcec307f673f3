// SPDX-License-Identifier: Apache-2.0
import FrameStream
import Glibc
import Synchronization
import Tensors
import Wire

/// Requests and answers over the stream of one enclave process, which may run in another machine. When the process
/// ends, every pending request fails.
///
/// One thread reads and never waits to write (``EnclaveWriter``), so that both ends cannot wait for each other.
final class EnclaveConnection: Sendable {
    private struct Question {
        let continuation: CheckedContinuation<Result<EnclaveMessage, HostError>, Never>
        let role: HostMessage.Role
        /// Another enclave can answer it as well.
        let isRepeatable: Bool
    }

    private struct State {
        var nextRequestID: UInt64 = 1
        var open: [UInt64: Question] = [:]
        /// Requests for which a boundary tensor was received: their next frame may arrive before the host asks for it,
        /// if a lease ends.
        var continued: Set<UInt64> = []
        /// Frames that arrived early.
        var early: [UInt64: Result<EnclaveMessage, HostError>] = [:]
        /// Abandoned inferences that the enclave has not answered yet.
        var abandoned: Set<UInt64> = []
        var owed: OwedAnswers
        var hasEnded = false
        /// The error for callers whose requests fail because the process ended.
        var farewell = EnclaveConnection.ended

        init(workers: Int) { owed = OwedAnswers(workers: workers) }
    }

    /// Additional time before the enclave counts as silent: a second for each 25 MB of sealed parts. It is far more
    /// than an inference takes on any suitable processor.
    static func allowance(forPartBytes bytes: Int) -> Duration { .seconds(bytes / 25_000_000) }

    private let process: any RunningEnclave
    /// The additional time for computations that the model's size allows.
    private let allowance: Duration
    private let state: Mutex<State>
    private let writer: EnclaveWriter
    /// Credits for inferences; the enclave refuses more. Each is returned with the first answer, also when nobody waits
    /// for it any more.
    let credits = Credits()

    /// - Parameters:
    ///   - workers: The number of requests that the process computes in parallel.
    ///   - partBytes: The size of both sealed parts.
    ///   - onEnd: Called once, on the reading thread, when the process has ended.
    init(process: any RunningEnclave, workers: Int, partBytes: Int, onEnd: @escaping @Sendable (EnclaveEnding) -> Void)
    {
        self.process = process
        writer = EnclaveWriter(process.stream)
        allowance = Self.allowance(forPartBytes: partBytes)
        state = Mutex(State(workers: workers))
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

    /// Sends a message and waits for its answer. If the task is cancelled, the wait ends, and the host tells the
    /// enclave to discard the request once the enclave has answered the inference.
    ///
    /// - Parameter requestID: `nil` for a new one. An inference is always new, and needs one of ``credits``.
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
        let role = message.role
        let refusal: HostError? = state.withLock { state in
            guard !state.hasEnded else { return state.farewell }
            // The task may have been cancelled before the request was registered.
            guard !Task.isCancelled else { return Self.cancelled }
            state.open[identifier] = Question(
                continuation: continuation, role: role, isRepeatable: message.isRepeatable)
            let patience = message.patience + (message.dependsOnSize ? allowance : .zero)
            state.owed.ask(identifier, isComputed: role.isComputed, patience: patience, at: .now)
            return nil
        }
        if let refusal {
            if isContinued { write(.cancel, identifier) }
            if role == .inference { credits.give() }
            return continuation.resume(returning: .failure(refusal))
        }
        write(message, identifier)
    }

    private func write(_ message: HostMessage, _ identifier: UInt64) {
        writer.write(message, requestID: identifier)
    }

    private func giveUp(_ identifier: UInt64) {
        let question = state.withLock { state in
            state.continued.remove(identifier)
            state.early[identifier] = nil
            let question = state.open.removeValue(forKey: identifier)
            if question?.role == .inference { state.abandoned.insert(identifier) }
            return question
        }
        guard let question else { return }
        question.continuation.resume(returning: .failure(Self.cancelled))
        // An abandoned inference keeps its credit until it is answered. The enclave would acknowledge a cancellation at
        // once, but it accepts another inference only when a thread has reached the cancelled one, and no message
        // reports that.
        if question.role == .continuation { write(.cancel, identifier) }
    }

    var hasEnded: Bool { state.withLock(\.hasEnded) }

    /// For how long the enclave has owed an answer, when that is longer than it may take; `nil` while it owes none.
    ///
    /// - Parameter wasSilent: Whether it was overdue at the last check: only an answer changes that.
    func overdue(at now: ContinuousClock.Instant, wasSilent: Bool) -> Duration? {
        state.withLock { $0.owed.overdue(at: now, patience: wasSilent ? Self.pause : nil) }
    }

    /// Whether an answer is late, though not so late that the enclave counts as silent.
    func hesitates(at now: ContinuousClock.Instant) -> Bool {
        state.withLock { $0.owed.overdue(at: now, patience: Self.hesitation) != nil }
    }

    /// Far longer than a quote or a status takes.
    private static let hesitation = Duration.seconds(2)

    /// Fails the requests that another enclave can answer as well, so that no caller waits for this one.
    func failRepeatable(_ error: HostError) {
        let questions = state.withLock { state in
            let questions = state.open.filter(\.value.isRepeatable)
            for identifier in questions.keys { state.open[identifier] = nil }
            return questions.values
        }
        for question in questions { question.continuation.resume(returning: .failure(error)) }
    }

    /// The time between two checks.
    static let pause = Duration.milliseconds(500)

    /// Records that the host itself was suspended: more time has passed since the last check than a running host needs.
    func hostPaused(for duration: Duration, until now: ContinuousClock.Instant) {
        state.withLock { $0.owed.pause(duration, at: now) }
    }

    /// Ends the process.
    ///
    /// - Parameter farewell: The error for waiting callers.
    func close(_ farewell: HostError = EnclaveConnection.ended) {
        state.withLock { $0.farewell = farewell }
        process.end()
    }

    /// How the process ended, and its last output. The process must have ended.
    var lastWords: String {
        let (ending, line) = (process.end(), process.lastLine)
        return "the enclave process \(ending.description)" + (line.isEmpty ? "" : "; it said: \(line)")
    }

    static let ended = HostError(.enclaveUnavailable, "the enclave process has ended")
    static let cancelled = HostError(.cancelled, "the request was abandoned")

    private func settle(_ requestID: UInt64, _ result: Result<EnclaveMessage, HostError>) {
        let (waiting, isAbandoned) = state.withLock { state in
            state.owed.settle(requestID, at: .now)
            let waiting = state.open.removeValue(forKey: requestID)
            if case .success(.intermediate) = result, waiting != nil { state.continued.insert(requestID) }
            if waiting == nil, state.continued.contains(requestID) { state.early[requestID] = result }
            return (waiting, state.abandoned.remove(requestID) != nil)
        }
        if isAbandoned || waiting?.role == .inference { credits.give() }
        if isAbandoned, case .success(.intermediate) = result { write(.cancel, requestID) }
        waiting?.continuation.resume(returning: result)
    }

    /// A request has one continuation at most.
    private func takeEarly(_ requestID: UInt64) -> Result<EnclaveMessage, HostError>? {
        state.withLock { state in
            state.continued.remove(requestID)
            return state.early.removeValue(forKey: requestID)
        }
    }

    private func readUntilEnd() -> EnclaveEnding {
        let limits = FrameLimits()
        while let received = try? process.stream.read(limits: limits) {
            switch received {
            case .frame(let frame): settle(frame.requestID, .success(frame.message))
            case .malformed(let requestID, let error):
                settle(requestID, .failure(HostError(.protocolViolation, error.message)))
            }
        }
        let ending = process.end()
        let (abandoned, farewell) = state.withLock { state in
            state.hasEnded = true
            defer { (state.open, state.abandoned) = ([:], []) }
            return (state.open.values, state.farewell)
        }
        credits.close()
        for question in abandoned { question.continuation.resume(returning: .failure(farewell)) }
        return ending
    }
}

extension HostMessage {
    /// How long an enclave may take for the answer.
    fileprivate var patience: Duration {
        switch self {
        // It decrypts the model and reorders the weights.
        case .provision: .seconds(120)
        // A start has a timeout of its own, and platforms take their time for a quote.
        case .hello, .keySlot, .loadManifest, .loadPart, .evidence: .seconds(30)
        case .infer, .backNetResult: .seconds(10)
        case .backNetFailure, .cancel, .status, .shutdown: .seconds(5)
        }
    }

    /// Whether a larger model takes longer.
    fileprivate var dependsOnSize: Bool {
        switch self {
        case .provision, .infer, .backNetResult: true
        case .hello, .keySlot, .loadManifest, .loadPart, .evidence, .backNetFailure, .cancel, .status, .shutdown: false
        }
    }

    /// Whether the answer can be abandoned without loss.
    fileprivate var isRepeatable: Bool { if case .evidence = self { true } else { false } }

    fileprivate enum Role {
        /// The first message of a request.
        case inference
        /// The second.
        case continuation
        case other

        var isComputed: Bool { self != .other }
    }

    fileprivate var role: Role {
        switch self {
        case .infer: .inference
        case .backNetResult, .backNetFailure: .continuation
        default: .other
        }
    }
}
