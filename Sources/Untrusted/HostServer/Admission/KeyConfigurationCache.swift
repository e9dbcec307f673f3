// SPDX-License-Identifier: Apache-2.0
import BundleFormat
import HostCore

/// Caches the key configuration of one of a model's enclaves for ten seconds. If a replica does not answer soon,
/// another one is asked.
actor KeyConfigurationCache {
    private typealias Outcome = Result<[UInt8], HostError>

    /// Keys change with every enclave process, hourly and with every provisioning message; a client with old ones gets
    /// an error and fetches them again.
    private static let lifetime: Duration = .seconds(10)
    /// Failures are cached as well.
    private static let failureLifetime: Duration = .seconds(1)

    /// The timeout for one replica while there is another to ask.
    private static let patience: Duration = .seconds(2)

    /// A run of an enclave.
    private struct Run: Hashable {
        let host: ObjectIdentifier
        let generation: Int
    }

    private struct Found: Sendable {
        let outcome: Outcome
        let member: EnclavePool.Member
        /// `nil` where none ran.
        let run: Run?
    }

    private let model: ServedModel
    private var kept: (outcome: Outcome, member: EnclavePool.Member, run: Run, expiry: ContinuousClock.Instant)?
    private var refresh: Task<Found, Never>?

    init(model: ServedModel) { self.model = model }

    /// - Throws: ``HostError``; `enclaveUnavailable` while no enclave process runs.
    func keyConfiguration() async throws(HostError) -> [UInt8] {
        if let kept, ContinuousClock.now < kept.expiry, model.serving.mayKeep(kept.member),
            await run(of: kept.member) == kept.run
        {
            return try kept.outcome.get()
        }
        if let refresh { return try await refresh.value.outcome.get() }
        let task = Task { [model] in await Self.fetch(from: model.serving) }
        refresh = task
        let found = await task.value
        refresh = nil
        if let run = found.run {
            let lifetime = if case .success = found.outcome { Self.lifetime } else { Self.failureLifetime }
            kept = (found.outcome, found.member, run, .now + lifetime)
        }
        return try found.outcome.get()
    }

    private func run(of member: EnclavePool.Member) async -> Run? { await Self.run(of: member) }

    private static func run(of member: EnclavePool.Member) async -> Run? {
        await member.host.runningGeneration.map { Run(host: ObjectIdentifier(member.host), generation: $0) }
    }

    /// Asks one replica after another, until one answers or all were asked.
    private static func fetch(from pool: EnclavePool) async -> Found {
        var tried: Set<Int> = []
        while true {
            let member = pool.member(for: nil, except: tried)
            tried.insert(member.replica)
            let hasOthers = !tried.contains(pool.member(for: nil, except: tried).replica)
            let run = await run(of: member)
            let outcome: Outcome =
                if run != nil {
                    await fetch(from: member.host, within: hasOthers ? patience : nil)
                } else {
                    .failure(
                        HostError(.enclaveUnavailable, "the enclave process is starting; try again in a moment"))
                }
            if case .failure = outcome, hasOthers { continue }
            return Found(outcome: outcome, member: member, run: run)
        }
    }

    /// - Parameter time: `nil` for no timeout.
    private static func fetch(from host: EnclaveHost, within time: Duration?) async -> Outcome {
        let task = Task { await fetch(from: host) }
        guard let time else { return await task.value }
        let alarm = Task {
            try await Task.sleep(for: time)
            task.cancel()
        }
        defer { alarm.cancel() }
        return await task.value
    }

    private static func fetch(from host: EnclaveHost) async -> Outcome {
        var generator = SystemRandomNumberGenerator()
        let nonce = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        do throws(HostError) { return .success(try await host.evidence(nonce: nonce).keyConfiguration) } catch {
            return .failure(error)
        }
    }
}
