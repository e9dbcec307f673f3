// SPDX-License-Identifier: Apache-2.0
import Evidence
import Wire

/// Supervision of the enclave process: the host detects its end, its silence and the end of a lease, reports them, and
/// restarts a process that ended.
extension EnclaveHost {
    /// After this time without an answer, the process is ended and another one is started. The state was visible to
    /// operators long before.
    static var longestSilence: Duration { .seconds(120) }
    /// A check that is this late shows that this process did not run: it was stopped, or the machine was suspended.
    private static var latestLook: Duration { .seconds(2) }
    private static var statusInterval: Duration { .seconds(1) }

    /// Polls whether the enclave serves: it sends no message when a lease ends.
    func follow(_ connection: EnclaveConnection, generation: Int) {
        Task { [weak self] in
            while let before = await self?.provisionings, !connection.hasEnded {
                if case .status(let status)? = try? await connection.ask(.status) {
                    await self?.note(status, generation: generation, before: before)
                }
                try? await Task.sleep(for: Self.statusInterval)
            }
        }
    }

    /// - Parameter before: The value of ``provisionings`` when the status was requested: the status may be older than a
    ///   provisioning message since then.
    private func note(_ status: EnclaveStatus, generation: Int, before: Int) {
        guard generation == self.generation, teeKind != nil, before == provisionings else { return }
        if isProvisioned, status.state == .leaseEnded {
            log(
                LogLine(
                    .error,
                    "the owner's lease has ended: the enclave wiped the model; the owner must provision again"))
        }
        isProvisioned = status.state == .provisioned
        leaseHasEnded = status.state == .leaseEnded
        if !isProvisioned { lease.ended() }
        if let left = lease.warning(at: .now) {
            log(
                LogLine(
                    .warning, "the owner's lease ends in \(Self.words(left)): the owner must provision before then",
                    ["secondsLeft": .integer(Int(left / .seconds(1)))]))
        }
    }

    /// Requests evidence, which contains the remaining time of the lease.
    func learnLease(_ connection: EnclaveConnection) {
        let nonce = (0..<32).map { _ in UInt8.random(in: .min ... .max) }
        Task { [weak self] in
            guard case .evidence(let evidence)? = try? await connection.ask(.evidence(nonce: nonce)) else { return }
            await self?.noteLease(evidence.facts)
        }
    }

    func noteLease(_ facts: [UInt8]) {
        guard case .provisioned(let terms, _)? = (try? EnclaveFacts(decoding: facts))?.state else { return }
        lease.runs(left: .seconds(terms.secondsLeft), of: .seconds(terms.seconds), at: .now)
    }

    /// Checks twice a second whether an answer of the enclave is overdue.
    func watch(_ connection: EnclaveConnection, generation: Int) {
        Task { [weak self] in
            var last = ContinuousClock.now
            while await self?.look(at: connection, generation: generation, after: last) == true {
                last = .now
                try? await Task.sleep(for: EnclaveConnection.pause)
            }
        }
    }

    /// - Parameter last: When the last check ended.
    /// - Returns: Whether to continue.
    private func look(
        at connection: EnclaveConnection, generation: Int, after last: ContinuousClock.Instant
    ) -> Bool {
        guard generation == self.generation, self.connection === connection, !connection.hasEnded else { return false }
        let now = ContinuousClock.now
        if now - last > Self.latestLook { connection.hostPaused(for: now - last, until: now) }
        let overdue = connection.overdue(at: now, wasSilent: silence != nil)
        standing.hesitates(connection.hesitates(at: now))
        switch (silence, overdue) {
        case (nil, let overdue?):
            metrics.countStall()
            connection.failRepeatable(Self.silent(for: overdue))
            log(LogLine(.error, "the enclave process has not answered for \(Self.words(overdue)): not ready"))
        case (let before?, nil):
            log(LogLine(.info, "the enclave process answers again, after \(Self.words(before))"))
        default: break
        }
        silence = overdue
        guard let overdue, overdue > Self.longestSilence else { return true }
        log(LogLine(.error, "the enclave process has not answered for \(Self.words(overdue)): ending it"))
        // Ending it takes up to a second, which must not block this actor.
        SerialThread(name: "enclave-end").enqueue { connection.close() }
        return false
    }

    /// The error for callers in the meantime.
    static func silent(for silence: Duration) -> HostError {
        HostError(
            .enclaveUnavailable,
            "the enclave process has not answered for \(Int(silence / .seconds(1))) s; try again later")
    }

    /// A process that ends while ``start()`` still talks to it fails that start instead.
    func enclaveEnded(_ ending: EnclaveEnding, generation ended: Int) async {
        guard ended == generation, teeKind != nil, !hasStopped else { return }
        connection = nil
        teeKind = nil
        forgetService()
        metrics.countRestart()
        let delay = backoff.delay(afterLifetime: .now - started)
        log(
            LogLine(
                .error,
                "the enclave process \(ending.description); starting a new one, which the owner must provision again"
            ))
        await keepStarting(after: delay)
    }

    /// Handles a failed start; other replicas serve in the meantime.
    func startLater(after error: HostError) async {
        failure = error
        metrics.countStartFailure()
        let delay = backoff.delay(afterLifetime: .zero)
        log(LogLine(.error, "the enclave cannot be started: \(error)"))
        await keepStarting(after: delay)
    }

    /// Starts an enclave, and repeats this with growing delays until one serves or the host stops.
    func keepStarting(after pause: Duration) async {
        var delay = pause
        while !hasStopped {
            try? await Task.sleep(for: delay)
            guard !hasStopped else { return }
            do throws(HostError) {
                return try await start()
            } catch {
                guard !hasStopped else { return }
                failure = error
                metrics.countStartFailure()
                delay = backoff.delay(afterLifetime: .zero)
                log(LogLine(.error, "the enclave cannot be started: \(error); next try in \(Self.words(delay))"))
            }
        }
    }

    /// Resets the state that belongs to one process.
    func forgetService() {
        isProvisioned = false
        leaseHasEnded = false
        silence = nil
        standing.hesitates(false)
        lease.ended()
    }

    private static func words(_ duration: Duration) -> String {
        let seconds = duration / .seconds(1)
        return switch seconds {
        case ..<10: "\((seconds * 10).rounded() / 10) s"
        case ..<600: "\(Int(seconds)) s"
        case ..<36_000: "\(Int(seconds / 60)) min"
        default: "\(Int(seconds / 3600)) h"
        }
    }
}
