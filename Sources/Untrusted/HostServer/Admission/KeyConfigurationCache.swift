import BundleFormat
import HostCore

/// The key configuration of one of a model's enclaves, asked for once in ten seconds however many want it.
actor KeyConfigurationCache {
    private typealias Outcome = Result<[UInt8], HostError>

    /// Keys change with every enclave process, hourly and with every provisioning message; a client with old ones is told so
    /// and fetches them again.
    private static let lifetime: Duration = .seconds(10)
    /// A failure is not asked for again at once either.
    private static let failureLifetime: Duration = .seconds(1)

    /// A run of an enclave.
    private struct Run: Hashable {
        let host: ObjectIdentifier
        let generation: Int
    }

    private let model: ServedModel
    private var kept: (outcome: Outcome, member: EnclavePool.Member, run: Run, expiry: ContinuousClock.Instant)?
    private var refresh: Task<Outcome, Never>?

    init(model: ServedModel) { self.model = model }

    /// - Throws: ``HostError``; `enclaveUnavailable` while no enclave process runs.
    func keyConfiguration() async throws(HostError) -> [UInt8] {
        if let kept, ContinuousClock.now < kept.expiry, model.serving.mayKeep(kept.member),
            await run(of: kept.member) == kept.run
        {
            return try kept.outcome.get()
        }
        if let refresh { return try await refresh.value.get() }
        let member = model.serving.member(for: nil)
        guard let run = await run(of: member) else {
            throw HostError(.enclaveUnavailable, "the enclave process is starting; try again in a moment")
        }
        // Another may have begun meanwhile.
        if let refresh { return try await refresh.value.get() }
        let task = Task { [host = member.host] in await Self.fetch(from: host) }
        refresh = task
        let outcome = await task.value
        refresh = nil
        let lifetime = if case .success = outcome { Self.lifetime } else { Self.failureLifetime }
        kept = (outcome, member, run, .now + lifetime)
        return try outcome.get()
    }

    private func run(of member: EnclavePool.Member) async -> Run? {
        await member.host.runningGeneration.map { Run(host: ObjectIdentifier(member.host), generation: $0) }
    }

    private static func fetch(from host: EnclaveHost) async -> Outcome {
        var generator = SystemRandomNumberGenerator()
        let nonce = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        do throws(HostError) { return .success(try await host.evidence(nonce: nonce).keyConfiguration) } catch {
            return .failure(error)
        }
    }
}
