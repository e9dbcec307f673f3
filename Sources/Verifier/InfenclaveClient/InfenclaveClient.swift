// SPDX-License-Identifier: Apache-2.0
public import Attestation
import Foundation
public import SealedChannel
import Synchronization

/// A client of a model that Infenclave serves. It verifies the enclave before it sends anything confidential.
///
/// ```swift
/// let client = try InfenclaveClient(
///     server: "http://127.0.0.1:8080", policy: try Policy(json: bytes), token: try AccessToken(contentsOf: "client.token"))
/// let classes = try await client.classify(tensor)
/// ```
///
/// The enclave is attested before the first request, again when its evidence is old, and when it says that it has new keys. Nothing is sealed
/// to an enclave that the policy does not accept. All methods may be called from several tasks at a time.
public final class InfenclaveClient: Sendable {
    /// The server's address, with the model's path if it has one.
    public var server: String { connection.address.text }

    let options: ClientOptions
    let token: AccessToken?
    private let connection: ServerConnection
    private let attestation: Attestor
    private let state: Mutex<State>
    private let flight = SingleFlight<EnclaveSession>()

    private struct State {
        var policy: Policy
        /// Counts policies, so that a session that an earlier policy accepted is not kept.
        var generation = 0
        /// Why nothing may be sent to any server.
        var withdrawal: ClientError?
        var session: (value: EnclaveSession, since: ContinuousClock.Instant)?
    }

    /// - Parameters:
    ///   - server: `http://HOST:PORT` or `https://HOST:PORT`.
    ///   - model: The model's name, where the server has several.
    ///   - policy: The requirements on the enclave.
    ///   - token: The token by which the owner knows this client. Only classification needs one.
    ///   - development: Evidence of the development TEE is refused unless it is accepted here by name and the policy
    ///     names it too.
    ///   - collateral: The client's own collateral, which replaces the server's. SGX and TDX need it.
    ///   - history: The record of accepted collateral; older collateral is refused.
    ///   - roots: Where chains have to end.
    ///   - options: Retries, the age of a session, the observer.
    ///   - transport: How the server is reached; libcurl unless another is given.
    /// - Throws: ``ClientError`` `.invalidConfiguration`.
    public init(
        server: String, model: String? = nil, policy: Policy, token: AccessToken? = nil,
        development: DevelopmentTEE = .refuse, collateral: CollateralSources = CollateralSources(),
        history: CollateralHistory = .inMemory(), roots: TrustedRoots = .vendors,
        options: ClientOptions = ClientOptions(),
        transport: (any ClientTransport)? = nil
    ) throws(ClientError) {
        connection = ServerConnection(
            address: try ServerAddress(server, model: model), transport: transport ?? CurlTransport(),
            route: ClientRoute())
        attestation = Attestor(
            server: connection, development: development, collateral: collateral, history: history, roots: roots)
        state = Mutex(State(policy: policy))
        self.token = token
        self.options = options
    }

    /// Whether the server says that it has a serving enclave, and how many it has. The answer is not authenticated: it
    /// only tells whether to check.
    ///
    /// - Throws: ``ClientError`` `.unreachable`; `CancellationError`.
    package func saysReady(_ place: ReplicaPlace) async throws -> (isReady: Bool, replicas: ReplicaCount) {
        let response = try await connection.get(
            "/health/ready", query: String(place.query.dropFirst()), maximumBytes: 1 << 16)
        return (response.status == 200, ReplicaCount(response))
    }

    /// Fetches evidence of one of several enclaves. Requests go on to use the session that they have.
    ///
    /// - Throws: As ``attest()``.
    package func attest(_ place: ReplicaPlace) async throws -> EnclaveSession {
        let policy = try presentPolicy()
        return try await retrying { [self] in
            try await observed(.attestation) { try await attestation.session(under: policy, place: place) }
        }
    }

    /// Fetches evidence over a fresh nonce and appraises it.
    ///
    /// - Returns: A session with the verified enclave.
    /// - Throws: ``ClientError``: `.attestationRejected` with the verdict, or a failure of the server. `CancellationError`.
    public func attest() async throws -> EnclaveSession {
        try await retrying { try await freshSession() }
    }

    /// Verifies at a given time, with records of collateral in addition to the client's history.
    package func attest(
        at time: Timestamp? = nil, seenBefore: [String: CollateralRecord], place: ReplicaPlace? = nil
    ) async throws -> EnclaveSession {
        try await attestation.session(under: try presentPolicy(), at: time, seenBefore: seenBefore, place: place)
    }

    private func presentPolicy() throws -> Policy {
        try state.withLock { state in
            if let withdrawal = state.withdrawal { throw withdrawal }
            return state.policy
        }
    }

    /// The session that the next request would use: the current one, or a fresh one.
    ///
    /// - Throws: As ``attest()``.
    public func session() async throws -> EnclaveSession {
        if let session = currentSession { return session }
        return try await attest()
    }

    /// The session that requests use, if there is one that is not too old.
    public var currentSession: EnclaveSession? {
        state.withLock { state in
            state.session.flatMap { $0.since.duration(to: .now) < options.maximumSessionAge ? $0.value : nil }
        }
    }

    /// Replaces the policy. The enclave is attested again, under the new policy, before the next request.
    public func replacePolicy(_ policy: Policy) {
        state.withLock { state in
            state.policy = policy
            state.withdrawal = nil
            state.generation += 1
            state.session = nil
        }
    }

    /// Withdraws the policy. Until ``replacePolicy(_:)`` gives another one, requests and attestations fail with
    /// ``ClientError`` `.invalidConfiguration`, and nothing is sent. An exchange in progress is not interrupted, and an
    /// ``EnclaveSession`` that was obtained before stays usable.
    ///
    /// - Parameter reason: Why, for the message of the error.
    public func withdrawPolicy(reason: String) {
        withdrawPolicy(
            ClientError(
                .invalidConfiguration, "the policy was withdrawn: \(reason)",
                remedy: "give the client another policy (replacePolicy)"))
    }

    /// The same with an error of the caller.
    ///
    /// - Parameter error: What requests and attestations fail with.
    package func withdrawPolicy(_ error: ClientError) {
        state.withLock { state in
            state.withdrawal = error
            state.generation += 1
            state.session = nil
        }
    }

    /// The time limit for the host's answer to ``probe()``, which needs no computation.
    private static let probeTime: Duration = .seconds(5)

    /// Asks the host whether the model is served. The answer is not authenticated. It only decides which server is
    /// tried first.
    ///
    /// - Throws: ``ClientError`` when it is not, or when there is no answer within 5 s; `CancellationError`.
    package func probe() async throws {
        var connection = connection
        (connection.idleTimeout, connection.deadline) = (Self.probeTime, Self.probeTime)
        let response = try await connection.get("/health/ready", query: "", maximumBytes: 1 << 16)
        guard response.status == 200 else {
            throw ClientError(
                .refused, "\(server) does not serve the model at the moment (HTTP status \(response.status))",
                remedy: "the owner runs `infenclave provision` after every start of the enclave", isRetryable: true)
        }
    }

    /// A session for a request that failed with another session: the one that another request has opened since, or a
    /// fresh one. It makes one attempt, because the request itself is retried.
    func session(after failed: EnclaveSession) async throws -> EnclaveSession {
        if let current = currentSession, current.hasOtherKeys(than: failed) { return current }
        return try await freshSession()
    }

    /// One attempt, which all callers at a time share.
    func freshSession() async throws -> EnclaveSession {
        try await flight.value { try await self.openSession() }
    }

    private func openSession() async throws -> EnclaveSession {
        while true {
            let (policy, generation) = try state.withLock { state in
                if let withdrawal = state.withdrawal { throw withdrawal }
                return (state.policy, state.generation)
            }
            let session: EnclaveSession
            do {
                session = try await observed(.attestation) { try await attestation.session(under: policy) }
            } catch let error as ClientError where error.code == .attestationRejected {
                // The previous session is dropped: nothing more is sealed to the keys of a server that now shows other
                // evidence.
                let isOfPresentPolicy = state.withLock { state in
                    guard state.generation == generation else { return false }
                    state.session = nil
                    return true
                }
                if isOfPresentPolicy { throw error }
                continue
            }
            let isOfPresentPolicy = state.withLock { state in
                guard state.generation == generation else { return false }
                // An enclave that does not serve is attested again by the next request.
                state.session = session.peer.isProvisioned ? (session, .now) : nil
                return true
            }
            if !session.peer.isProvisioned { connection.route?.change() }
            if isOfPresentPolicy { return session }
        }
    }
}

extension InfenclaveClient {
    /// Repeats the work as ``ClientOptions/retries`` allows.
    func retrying<Value>(_ work: () async throws -> Value) async throws -> Value {
        var attempts = 0
        while true {
            do { return try await work() } catch let error as ClientError {
                attempts += 1
                guard let pause = options.retries.pause(after: error, attempt: attempts) else { throw error }
                options.observer?(ClientEvent(kind: .retry, server: server, duration: pause, failure: error))
                try await Task.sleep(for: pause)
            }
        }
    }

    /// Reports the outcome of some work to the observer.
    func observed<Value>(_ kind: ClientEvent.Kind, _ work: () async throws -> Value) async throws -> Value {
        let start = ContinuousClock.now
        func tell(_ failure: ClientError?) {
            options.observer?(
                ClientEvent(kind: kind, server: server, duration: start.duration(to: .now), failure: failure))
        }
        do {
            let value = try await work()
            tell(nil)
            return value
        } catch let error as ClientError {
            tell(error)
            throw error
        }
    }
}
