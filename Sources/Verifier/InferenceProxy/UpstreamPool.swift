// SPDX-License-Identifier: Apache-2.0
import Foundation
package import InfenclaveImaging
package import Logging
import PlainText
import ServiceLifecycle
import Synchronization

/// Servers of one model, each with a client. A request is sent to a working server, and if it fails there, to the next
/// one. A server that failed is tried last until it has been attested again.
package final class UpstreamPool: ClassificationBackend, Service {
    private struct Upstream {
        let client: InfenclaveClient
        /// Why it does not work; `nil` when it does.
        var fault: String?
        /// Set when it did not answer the last probe in time.
        var silence: ClientError?
        /// Of the evidence that was rejected last.
        var rejection: (verdict: Verdict, time: Int64)?
        var nextTry = ContinuousClock.now
        var pause = UpstreamPool.firstPause
    }

    private struct State {
        var upstreams: [Upstream]
        /// The position in the rotation among those that work.
        var turn = 0
        var model: ServedModel?
        /// Why nothing may be sent to any server.
        var refusal: ClientError?
    }

    private static let firstPause: Duration = .milliseconds(500)
    private static let longestPause: Duration = .seconds(10)
    /// The time between two checks whether a server is due for a probe.
    private static let interval: Duration = .milliseconds(500)
    /// The time between two probes of a working server.
    private static let probePause: Duration = .seconds(5)

    private let state: Mutex<State>
    private let policy: PolicyFile?
    private let decoder = PictureDecoder()
    private let logger: Logger

    /// - Parameters:
    ///   - clients: One for each server; at least one.
    ///   - policy: Read repeatedly, so that a replaced or removed policy takes effect.
    package init(clients: [InfenclaveClient], policy: PolicyFile?, logger: Logger) {
        precondition(!clients.isEmpty, "a pool without servers")
        state = Mutex(
            State(upstreams: clients.map { Upstream(client: $0, fault: "\($0.server) was not attested yet") }))
        self.policy = policy
        self.logger = logger
    }

    package var readiness: Readiness {
        state.withLock { state in
            if let refusal = state.refusal { return .notReady(reason: refusal.message) }
            if state.upstreams.contains(where: { $0.fault == nil }) { return .ready }
            return .notReady(reason: state.upstreams.compactMap(\.fault).joined(separator: "; "))
        }
    }

    /// The state of one server, for display.
    struct Standing: Sendable {
        let server: String
        /// Why it does not work; `nil` when it does.
        let fault: String?
        let session: EnclaveSession?
        /// The verdict on rejected evidence; `nil` if evidence has been accepted since, or none was received.
        let verdict: Verdict?
        /// Seconds since 1970.
        let attested: Int64
    }

    var standings: [Standing] {
        state.withLock { state in
            state.upstreams.map { upstream in
                let session = upstream.fault == nil ? upstream.client.currentSession : nil
                return Standing(
                    server: upstream.client.server, fault: upstream.fault, session: session,
                    verdict: session == nil ? upstream.rejection?.verdict : nil,
                    attested: session?.attested.secondsSince1970 ?? upstream.rejection?.time ?? 0)
            }
        }
    }

    /// A session with an enclave of the first server that has one.
    ///
    /// - Throws: ``ClientError``; `CancellationError`.
    func session() async throws -> EnclaveSession { try await first { try await $0.session() } }

    package func model() async throws -> ServedModel {
        let known = try state.withLock { state in
            if let refusal = state.refusal { throw refusal }
            return state.upstreams.contains { $0.fault == nil } ? state.model : nil
        }
        if let known { return known }
        return try await first { client in ServedModel(try await client.session()) }
    }

    package func classify(_ input: ModelInput) async throws -> [Classification] {
        try await first { client in
            switch input {
            case .tensor(let tensor): return try await client.classify(tensor)
            case .picture(let file):
                return try await client.classify(
                    try await self.decoder.tensor(of: file, for: try await client.session()))
            }
        }
    }

    /// Reads the policy, attests servers without a session, and probes the others, until it is cancelled. These tasks
    /// are independent: a server that does not answer delays neither the policy nor other servers.
    package func run() async throws {
        let clients = state.withLock { $0.upstreams.map(\.client) }
        await cancelWhenGracefulShutdown {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await Self.repeatedly { self.readPolicy() } }
                for (index, client) in clients.enumerated() {
                    group.addTask {
                        await Self.repeatedly { if self.isDue(index) { await self.look(at: client, index) } }
                    }
                }
            }
        }
    }

    private static func repeatedly(_ work: () async -> Void) async {
        while !Task.isCancelled {
            await work()
            try? await Task.sleep(for: interval)
        }
    }

    /// The result of the first server that succeeds. An error that is not the server's is thrown at once.
    private func first<Value: Sendable>(
        _ body: @escaping @Sendable (InfenclaveClient) async throws -> Value
    ) async throws -> Value {
        var failure: ClientError?
        for (index, client) in try order() {
            // The policy may have been removed while the previous server was tried.
            if let refusal = state.withLock({ $0.refusal }) { throw refusal }
            do {
                let value = try await unlessSilent(index) { try await body(client) }
                settle(index, client, nil)
                return value
            } catch let error as ClientError {
                guard error.isOfServer else { throw error }
                settle(index, client, error)
                failure = failure ?? error
            }
        }
        throw failure ?? ClientError(.unreachable, "there is no server")
    }

    /// Abandons a request when a probe shows that its server does not answer any more, so that another server is tried.
    ///
    /// - Throws: What `body` throws; the probe's ``ClientError``; `CancellationError`.
    private func unlessSilent<Value: Sendable>(
        _ index: Int, _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        let mayFall = state.withLock { $0.upstreams.count > 1 && $0.upstreams[index].silence == nil }
        guard mayFall else { return try await body() }
        return try await withThrowingTaskGroup(of: Value.self) { group in
            defer { group.cancelAll() }
            group.addTask { try await body() }
            group.addTask {
                while true {
                    try await Task.sleep(for: Self.interval)
                    if let silence = self.state.withLock({ $0.upstreams[index].silence }) { throw silence }
                }
            }
            guard let value = try await group.next() else { throw CancellationError() }
            return value
        }
    }

    private func order() throws -> [(Int, InfenclaveClient)] {
        try state.withLock { state in
            if let refusal = state.refusal { throw refusal }
            state.turn &+= 1
            let all = state.upstreams.enumerated().map { ($0.offset, $0.element) }
            let working = all.filter { $0.1.fault == nil }
            let start = working.isEmpty ? 0 : Int(UInt(bitPattern: state.turn) % UInt(working.count))
            let others = all.filter { $0.1.fault != nil }
            return (working[start...] + working[..<start] + others).map { ($0.0, $0.1.client) }
        }
    }

    /// Whether a server has to be attested or probed now.
    private func isDue(_ index: Int) -> Bool {
        state.withLock { $0.refusal == nil && $0.upstreams[index].nextTry <= .now }
    }

    private func look(at client: InfenclaveClient, _ index: Int) async {
        do {
            // Another enclave may run in place of a lost one.
            let isUnknown = client.currentSession == nil || state.withLock { $0.upstreams[index].fault != nil }
            // The probe detects a silent server in seconds; a request for evidence may take minutes.
            var refusal: ClientError?
            do { try await client.probe() } catch let error as ClientError where error.code == .refused {
                refusal = error
            }
            // The probe does not give the reason why a server does not serve; its evidence does.
            if isUnknown || refusal != nil { try await client.attest().requireService() }
            if let refusal, !isUnknown { throw refusal }
            settle(index, client, nil)
        } catch let error as ClientError { settle(index, client, error, isLook: true) } catch {}
    }

    /// Keeps the outcome of a request or a check. Only checks lengthen the pause before the next check.
    private func settle(_ index: Int, _ client: InfenclaveClient, _ error: ClientError?, isLook: Bool = false) {
        let change = state.withLock { state -> Logger.Message? in
            let before = state.upstreams[index].fault
            if let error {
                state.upstreams[index].fault =
                    "\(client.server): \(error.message)" + (error.remedy.isEmpty ? "" : " (\(error.remedy))")
                if let verdict = error.verdict {
                    state.upstreams[index].rejection = (verdict, Int64(Date().timeIntervalSince1970))
                }
                if isLook {
                    state.upstreams[index].silence = error.code == .timedOut ? error : nil
                    let pause = state.upstreams[index].pause
                    state.upstreams[index].nextTry = .now + pause
                    state.upstreams[index].pause = min(Self.longestPause, pause * 2)
                } else if before == nil {
                    state.upstreams[index].nextTry = .now
                }
            } else if let session = client.currentSession {
                state.upstreams[index].fault = nil
                state.upstreams[index].silence = nil
                state.upstreams[index].rejection = nil
                state.upstreams[index].pause = Self.firstPause
                state.upstreams[index].nextTry = .now + Self.probePause
                state.model = ServedModel(session)
            } else {
                // The result belongs to a policy that was replaced in the meantime.
                return nil
            }
            let fault = state.upstreams[index].fault
            guard before != fault else { return nil }
            return fault.map { "not served by \($0)" } ?? "served by \(client.server), attested"
        }
        guard let change else { return }
        logger.log(level: error == nil ? .notice : .warning, change)
    }

    private func readPolicy() {
        guard let policy else { return }
        switch policy.read() {
        case .unchanged: break
        case .replaced(let policy):
            logger.notice("the policy was replaced: every server is attested again")
            state.withLock { state in
                state.refusal = nil
                state.model = nil
                for index in state.upstreams.indices {
                    state.upstreams[index].client.replacePolicy(policy)
                    state.upstreams[index].fault =
                        "\(state.upstreams[index].client.server) was not attested under the new policy yet"
                    state.upstreams[index].nextTry = .now
                    state.upstreams[index].pause = Self.firstPause
                }
            }
        case .unusable(let error):
            logger.error("\(PlainText.line(error.message)): nothing is sent to any server")
            state.withLock { state in
                state.refusal = error
                for upstream in state.upstreams { upstream.client.withdrawPolicy(error) }
            }
        }
    }
}

extension ClientError {
    /// Whether another server may succeed: the failure is not caused by the input, the token or its quota.
    fileprivate var isOfServer: Bool {
        switch code {
        case .invalidInput, .unknownToken, .invalidConfiguration, .unusableFile: false
        case .refused: ![.overLimit, .tooManyRequests, .wrongTensorType].contains(refusal)
        default: true
        }
    }
}
