// SPDX-License-Identifier: Apache-2.0
import Evidence
import Synchronization
package import Wire

/// A served model. It has a serving pool and, while its bundle is replaced, a second one: first the staged pool of the
/// new bundle, until the owner has provisioned it; then the retiring pool of the old bundle, while it still answers
/// requests sealed to its keys.
///
/// At most two pools exist at a time, so that their replicas have distinct ``KeySlot``s.
package final class ServedModel: Sendable {
    /// The role of a pool.
    package enum Role: String, Sendable { case serving, staged, retiring }

    package struct Limits: Sendable {
        /// How long the old pool answers after the switch. Clients that attested before find the new pool in this time,
        /// or are told to attest again.
        package var grace: Duration = .seconds(60)
        /// The time from the first ready replica of the new pool to the switch, if others are not ready.
        package var patience: Duration = .seconds(60)
        /// The additional time for requests that the old pool still computes at the end of the grace.
        package var drain: Duration = .seconds(10)

        package init() {}
    }

    private struct State {
        var serving: EnclavePool
        var staged: EnclavePool?
        var retiring: EnclavePool?
        var hasStopped = false
        var switches = 0
    }

    /// The name in paths, in the log and in metrics.
    package let name: String
    package let metrics: HostMetrics
    private let limits: Limits
    private let state: Mutex<State>
    private let log: @Sendable (LogLine) -> Void

    /// - Parameters:
    ///   - name: The name in paths: 1 to 64 of the characters A-Z a-z 0-9 . _ -
    ///   - pool: A pool that was not started.
    package init(
        name: String, pool: EnclavePool, limits: Limits = Limits(), log: @escaping @Sendable (LogLine) -> Void
    ) {
        (self.name, metrics, self.limits, self.log) = (name, pool.metrics, limits, log)
        state = Mutex(State(serving: pool))
    }

    package var serving: EnclavePool { state.withLock(\.serving) }
    package var staged: EnclavePool? { state.withLock(\.staged) }

    /// The initial serving pool.
    package var pools: [(role: Role, pool: EnclavePool)] {
        state.withLock { state in
            [(.serving, state.serving)] + (state.staged.map { [(.staged, $0)] } ?? [])
                + (state.retiring.map { [(.retiring, $0)] } ?? [])
        }
    }

    /// The first pool of this bundle, if there is one.
    package func pool(of manifestDigest: [UInt8]) -> EnclavePool? {
        pools.first { $0.pool.manifestDigest == manifestDigest }?.pool
    }

    /// Requests that are admitted and not answered.
    package var waiting: Int { pools.reduce(0) { $0 + $1.pool.waiting } }
    /// The largest body of a sealed request.
    package var requestBytes: Int { pools.map(\.pool.requestBytes).max() ?? 0 }

    /// Why no request is admitted, whatever its key is; `nil` if one may be. It is known before the body arrives.
    package var overload: HostError? {
        let reasons = pools.map(\.pool.overload)
        return reasons.contains { $0 == nil } ? nil : reasons[0]
    }

    /// The pool and the replica whose enclave has this key.
    ///
    /// - Parameter keyIdentifier: The first byte of the message; `nil` for an empty one.
    /// - Throws: ``HostError`` `unknownKey`.
    package func member(forKey keyIdentifier: UInt8?) throws(HostError) -> (
        pool: EnclavePool, member: EnclavePool.Member
    ) {
        let pools = pools.map(\.pool)
        // A single replica may have any key identifier; with two pools, the identifier decides.
        let named = pools.lazy.compactMap { pool in
            pool.members.first { $0.host.slot == keyIdentifier.map(KeySlot.init(of:)) }.map { (pool, $0) }
        }
        if let found = named.first { return found }
        if let member = pools[0].member(forKey: keyIdentifier) { return (pools[0], member) }
        metrics.countRefusal("unknownKey")
        throw HostError(refused: .unknownKey)
    }

    package func beginStopping() async { for (_, pool) in pools { await pool.beginStopping() } }

    package func stop() async {
        let pools = pools
        state.withLock { state in
            state.hasStopped = true
            (state.staged, state.retiring) = (nil, nil)
        }
        await withTaskGroup { group in for (_, pool) in pools { group.addTask { await pool.stop() } } }
    }
}

// Replacement of the bundle.
extension ServedModel {
    /// Waits until there is room for another pool: a staged pool is stopped at once, a retiring one is waited for.
    ///
    /// - Returns: Slots for a pool of this many replicas; `nil` if the model has stopped.
    package func slots(for count: Int) async -> [KeySlot]? {
        await unstage()
        await waitForRoom()
        guard !state.withLock(\.hasStopped) else { return nil }
        let taken = Set(serving.members.map(\.host.slot))
        let free = KeySlot.all.filter { !taken.contains($0) }
        return free.count < count ? nil : Array(free.prefix(count))
    }

    /// Waits until no pool is retiring: at most the grace and the time of the requests in progress then.
    package func waitForRoom() async {
        while state.withLock({ $0.retiring != nil && !$0.hasStopped }) { try? await Task.sleep(for: Self.look) }
    }

    /// Stops the staged pool.
    package func unstage() async {
        let pool = state.withLock { state in state.staged.take() }
        await pool?.stop()
    }

    /// Starts a staged pool. It replaces the serving pool automatically when all of its replicas are provisioned, or
    /// some of them for ``Limits/patience``.
    ///
    /// - Throws: ``HostError`` if none of its replicas can be started; then nothing has changed.
    package func stage(_ pool: EnclavePool) async throws(HostError) {
        do throws(HostError) { try await pool.begin() } catch {
            await pool.stop()
            throw error
        }
        let isStaged = state.withLock { state in
            guard !state.hasStopped, state.staged == nil, state.retiring == nil else { return false }
            state.staged = pool
            return true
        }
        guard isStaged else { return await pool.stop() }
        log(
            LogLine(
                .info,
                "replicas of another bundle, or another number of replicas, are staged, manifest \(pool.manifestDigest.hex): they serve once the owner has run `infenclave provision --staged`"
            ))
        Task { await self.switchWhenReady(pool) }
    }

    /// The time between two checks of a pool.
    private static let look = Duration.milliseconds(100)

    private func switchWhenReady(_ pool: EnclavePool) async {
        // The owner provisions one replica after another, and a large model takes long to decrypt.
        var (lastReady, readyBefore) = (ContinuousClock.now, 0)
        while state.withLock({ $0.staged === pool }) {
            let ready = pool.readyCount
            if ready != readyBefore || ready == 0 { (lastReady, readyBefore) = (.now, ready) }
            let isLate = ready > 0 && .now - lastReady >= limits.patience
            if ready == pool.members.count || isLate { return await replaceServing(by: pool) }
            try? await Task.sleep(for: Self.look)
        }
    }

    private func replaceServing(by pool: EnclavePool) async {
        let old: EnclavePool? = state.withLock { state in
            guard state.staged === pool, !state.hasStopped else { return nil }
            defer { (state.serving, state.staged, state.retiring) = (pool, nil, state.serving) }
            state.switches += 1
            return state.serving
        }
        guard let old else { return }
        log(
            LogLine(
                .info,
                "the staged replicas serve now, manifest \(pool.manifestDigest.hex); requests sealed to the previous replicas are answered for \(Int(limits.grace / .seconds(1))) s more"
            ))
        try? await Task.sleep(for: limits.grace)
        guard state.withLock({ $0.retiring === old }) else { return }
        // It gets no more requests; its key identifiers stay reserved until it has ended.
        old.retire()
        let deadline = ContinuousClock.now + limits.drain
        while old.waiting > 0, ContinuousClock.now < deadline { try? await Task.sleep(for: Self.look) }
        await old.stop()
        state.withLock { state in if state.retiring === old { state.retiring = nil } }
        log(LogLine(.info, "the previous replicas have ended, manifest \(old.manifestDigest.hex)"))
    }
}

// State for operators.
extension ServedModel {
    package var readiness: EnclaveHost.Readiness { get async { await serving.readiness } }

    package var metricsText: MetricsText {
        get async {
            let labels = [("model", name)]
            let (pools, switches) = (pools, state.withLock(\.switches))
            var text = await metrics.text(
                state: serving.readiness.state, leaseLeft: serving.leaseLeft,
                waiting: waiting, labels: labels)
            for (role, pool) in pools {
                text.add(await pool.replicaMetrics(labels: labels + [("pool", role.rawValue)]))
            }
            var own = MetricsText(labels: labels)
            own.add(
                "model_info", .gauge, "Loaded bundles, with title and digest of the manifest as labels; always 1.",
                pools.map { role, pool in
                    let manifest = pool.manifestDigest.hex
                    return ([("pool", role.rawValue), ("title", pool.title), ("manifest", manifest)], 1)
                })
            own.add(
                "bundle_switches_total", .counter, "Replacements of a served bundle by another one.",
                Double(switches))
            text.add(own)
            text.add(serving.engineMetrics(labels: labels))
            return text
        }
    }
}
