// SPDX-License-Identifier: Apache-2.0
import Evidence
import Synchronization
package import Wire

/// A model that is served: the pool that answers; beside it, when its bundle is replaced, the pool of the new one until its
/// owner has provisioned it, and then the old pool as long as it still answers what was sealed to its keys.
///
/// At most two pools live at a time, so that their replicas have ``KeySlot``s of their own.
package final class ServedModel: Sendable {
    /// Which of the pools.
    package enum Role: String, Sendable { case serving, staged, retiring }

    package struct Limits: Sendable {
        /// How long the old pool answers after the switch: clients that were attested before learn of the new one by then, or are
        /// told to attest again.
        package var grace: Duration = .seconds(60)
        /// From the first replica of the new pool that is ready to the switch, when others are not.
        package var patience: Duration = .seconds(60)
        /// For what the old pool still computes at the end of the grace.
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

    /// As it stands in paths, in the log and in metrics.
    package let name: String
    package let metrics: HostMetrics
    private let limits: Limits
    private let state: Mutex<State>
    private let log: @Sendable (LogLine) -> Void

    /// - Parameters:
    ///   - name: 1 to 64 of the characters A-Z a-z 0-9 . _ -, to be served under it.
    ///   - pool: Not begun yet.
    package init(
        name: String, pool: EnclavePool, limits: Limits = Limits(), log: @escaping @Sendable (LogLine) -> Void
    ) {
        (self.name, metrics, self.limits, self.log) = (name, pool.metrics, limits, log)
        state = Mutex(State(serving: pool))
    }

    package var serving: EnclavePool { state.withLock(\.serving) }
    package var staged: EnclavePool? { state.withLock(\.staged) }

    /// That serves first.
    package var pools: [(role: Role, pool: EnclavePool)] {
        state.withLock { state in
            [(.serving, state.serving)] + (state.staged.map { [(.staged, $0)] } ?? [])
                + (state.retiring.map { [(.retiring, $0)] } ?? [])
        }
    }

    /// The first pool of such a bundle, if there is one.
    package func pool(of manifestDigest: [UInt8]) -> EnclavePool? {
        pools.first { $0.pool.manifestDigest == manifestDigest }?.pool
    }

    /// Requests that are admitted and not answered.
    package var waiting: Int { pools.reduce(0) { $0 + $1.pool.waiting } }
    /// The largest body of a sealed request.
    package var requestBytes: Int { pools.map(\.pool.requestBytes).max() ?? 0 }

    /// Why no request is admitted, whatever its key is; `nil` where one may be. It is known before the body is there.
    package var overload: HostError? {
        let reasons = pools.map(\.pool.overload)
        return reasons.contains { $0 == nil } ? nil : reasons[0]
    }

    /// Whose enclave has such a key.
    ///
    /// - Parameter keyIdentifier: The first byte of the message; `nil` for an empty one.
    /// - Throws: ``HostError`` `unknownKey`.
    package func member(forKey keyIdentifier: UInt8?) throws(HostError) -> (
        pool: EnclavePool, member: EnclavePool.Member
    ) {
        let pools = pools.map(\.pool)
        // A lone replica may have keys of any name; with two pools, names decide.
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

// The change from one bundle to another.
extension ServedModel {
    /// Waits until there is room for another pool, which a staged one leaves at once, and a retiring one at its end.
    ///
    /// - Returns: Slots for a pool of this many replicas; `nil` when the model has stopped.
    package func slots(for count: Int) async -> [KeySlot]? {
        await unstage()
        await waitForRoom()
        guard !state.withLock(\.hasStopped) else { return nil }
        let taken = Set(serving.members.map(\.host.slot))
        let free = KeySlot.all.filter { !taken.contains($0) }
        return free.count < count ? nil : Array(free.prefix(count))
    }

    /// Waits until no pool is retiring, which is at most a grace and what is computed then.
    package func waitForRoom() async {
        while state.withLock({ $0.retiring != nil && !$0.hasStopped }) { try? await Task.sleep(for: Self.look) }
    }

    /// Gives up the pool that waits for its owner.
    package func unstage() async {
        let pool = state.withLock { state in state.staged.take() }
        await pool?.stop()
    }

    /// Starts a pool beside the one that serves. It takes that one's place by itself once its replicas are provisioned: all of
    /// them, or some of them for ``Limits/patience``.
    ///
    /// - Throws: ``HostError`` when none of its replicas can be started; then nothing has changed.
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
                "replicas of another bundle or another number are staged, manifest \(pool.manifestDigest.hex): they serve once the owner has run `infenclave provision --staged`"
            ))
        Task { await self.switchWhenReady(pool) }
    }

    /// Between two looks at a pool.
    private static let look = Duration.milliseconds(100)

    private func switchWhenReady(_ pool: EnclavePool) async {
        // The owner provisions one after another, and a large model takes long to open.
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
                "what was staged serves, manifest \(pool.manifestDigest.hex); what is sealed to the replicas before is answered for \(Int(limits.grace / .seconds(1))) s more"
            ))
        try? await Task.sleep(for: limits.grace)
        guard state.withLock({ $0.retiring === old }) else { return }
        // Nothing more comes to it; the names of its keys stay taken until it has ended.
        old.retire()
        let deadline = ContinuousClock.now + limits.drain
        while old.waiting > 0, ContinuousClock.now < deadline { try? await Task.sleep(for: Self.look) }
        await old.stop()
        state.withLock { state in if state.retiring === old { state.retiring = nil } }
        log(LogLine(.info, "the replicas before have ended, manifest \(old.manifestDigest.hex)"))
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
                "model_info", .gauge, "The bundles that are there: title and digest of the manifest; always 1.",
                pools.map { role, pool in
                    let manifest = pool.manifestDigest.hex
                    return ([("pool", role.rawValue), ("title", pool.title), ("manifest", manifest)], 1)
                })
            own.add(
                "bundle_switches_total", .counter, "Times that another bundle took the place of the served one.",
                Double(switches))
            text.add(own)
            text.add(serving.engineMetrics(labels: labels))
            return text
        }
    }
}
