import BundleFormat
import HostCore

/// The enclave's key configuration, asked for once in ten seconds however many want it.
actor KeyConfigurationCache {
    private typealias Outcome = Result<[UInt8], HostError>

    /// Keys change with every enclave process, hourly and with every provisioning message; a client with old ones is told so
    /// and fetches them again.
    private static let lifetime: Duration = .seconds(10)
    /// A failure is not asked for again at once either.
    private static let failureLifetime: Duration = .seconds(1)

    private let host: EnclaveHost
    private var kept: (outcome: Outcome, generation: Int, expiry: ContinuousClock.Instant)?
    private var refresh: (task: Task<Outcome, Never>, generation: Int)?

    init(host: EnclaveHost) { self.host = host }

    /// - Throws: ``HostError``; `enclaveUnavailable` while no enclave process runs.
    func keyConfiguration() async throws(HostError) -> [UInt8] {
        guard let generation = await host.runningGeneration else {
            throw HostError(.enclaveUnavailable, "the enclave process is starting; try again in a moment")
        }
        if let kept, kept.generation == generation, ContinuousClock.now < kept.expiry { return try kept.outcome.get() }
        if let refresh, refresh.generation == generation { return try await refresh.task.value.get() }
        let task = Task { [host] in await Self.fetch(from: host) }
        refresh = (task, generation)
        let outcome = await task.value
        if let refresh, refresh.generation == generation { self.refresh = nil }
        let lifetime = if case .success = outcome { Self.lifetime } else { Self.failureLifetime }
        kept = (outcome, generation, .now + lifetime)
        return try outcome.get()
    }

    private static func fetch(from host: EnclaveHost) async -> Outcome {
        var generator = SystemRandomNumberGenerator()
        let nonce = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        do throws(HostError) { return .success(try await host.evidence(nonce: nonce).keyConfiguration) } catch {
            return .failure(error)
        }
    }
}
