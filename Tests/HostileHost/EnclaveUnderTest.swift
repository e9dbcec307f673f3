// SPDX-License-Identifier: Apache-2.0
import AttestationFixtures
import EnclaveCore
import Evidence
import MutantEnclave
import Synchronization
import Wire

/// An enclave as a host sees it: messages in, frames out, and time that goes on.
protocol EnclaveUnderTest: AnyObject {
    func handle(_ message: HostMessage, requestID: UInt64) -> [Frame<EnclaveMessage>]
    /// Takes a message and keeps what is computed for it, if anything is, as the last of ``computing``.
    func begin(_ message: HostMessage, requestID: UInt64) -> [Frame<EnclaveMessage>]
    /// How much is computed.
    var computing: Int { get }
    /// Lets something that is computed be finished.
    func finish(_ index: Int) -> [Frame<EnclaveMessage>]
    /// The frames that timers cause.
    func advance() -> [Frame<EnclaveMessage>]
    /// What it accepts from the host now.
    var frameLimits: FrameLimits { get }
    func refuseMalformed(requestID: UInt64) -> [Frame<EnclaveMessage>]
}

/// A clock that only its owner moves.
final class WorldClock: Sendable {
    private let time = Mutex(Duration.seconds(1_000_000))
    var now: Duration { time.withLock { $0 } }
    func advance(by duration: Duration) { time.withLock { $0 += duration } }
}

/// Bounds that schedules can reach.
enum Bounds {
    static let requestsInFlight = 3
    static let keyLifetime = Duration.seconds(3600)
    static let keyGrace = Duration.seconds(60)
}

/// The enclave as it ships.
final class ShippedEnclave: EnclaveUnderTest {
    private var enclave: EnclaveCore.Enclave
    private var computed: [EnclaveCore.Computed] = []

    init(_ fixture: DevelopmentFixture, _ clock: WorldClock) throws {
        enclave = try EnclaveCore.Enclave(
            evidenceSource: ShippedSource(fixture: fixture),
            limits: .init(
                requestsInFlight: Bounds.requestsInFlight, keyLifetime: Bounds.keyLifetime, keyGrace: Bounds.keyGrace),
            clock: .init { clock.now })
    }

    func handle(_ message: HostMessage, requestID: UInt64) -> [Frame<EnclaveMessage>] {
        enclave.handle(message, requestID: requestID)
    }
    func begin(_ message: HostMessage, requestID: UInt64) -> [Frame<EnclaveMessage>] {
        let step = enclave.take(message, requestID: requestID)
        if let computation = step.computation { computed.append(computation.run(worker: 0)) }
        return step.frames
    }
    var computing: Int { computed.count }
    func finish(_ index: Int) -> [Frame<EnclaveMessage>] { enclave.finish(computed.remove(at: index)) }
    func advance() -> [Frame<EnclaveMessage>] { enclave.advance() }
    var frameLimits: FrameLimits { enclave.frameLimits }
    func refuseMalformed(requestID: UInt64) -> [Frame<EnclaveMessage>] {
        enclave.refuseMalformed(requestID: requestID)
    }
}

/// The same sources without one defence.
final class MutatedEnclave: EnclaveUnderTest {
    private var enclave: MutantEnclave.Enclave
    private var computed: [MutantEnclave.Computed] = []
    private let removed: MutantEnclave.Defence

    init(_ fixture: DevelopmentFixture, _ clock: WorldClock, without defence: MutantEnclave.Defence) throws {
        removed = defence
        enclave = try MutantEnclave.Enclave(
            evidenceSource: MutantSource(fixture: fixture),
            limits: .init(
                requestsInFlight: Bounds.requestsInFlight, keyLifetime: Bounds.keyLifetime, keyGrace: Bounds.keyGrace),
            clock: .init { clock.now })
    }

    func handle(_ message: HostMessage, requestID: UInt64) -> [Frame<EnclaveMessage>] {
        MutantEnclave.Defence.$removed.withValue(removed) { enclave.handle(message, requestID: requestID) }
    }
    func begin(_ message: HostMessage, requestID: UInt64) -> [Frame<EnclaveMessage>] {
        MutantEnclave.Defence.$removed.withValue(removed) {
            let step = enclave.take(message, requestID: requestID)
            if let computation = step.computation { computed.append(computation.run(worker: 0)) }
            return step.frames
        }
    }
    var computing: Int { computed.count }
    func finish(_ index: Int) -> [Frame<EnclaveMessage>] {
        let finished = computed.remove(at: index)
        return MutantEnclave.Defence.$removed.withValue(removed) { enclave.finish(finished) }
    }
    func advance() -> [Frame<EnclaveMessage>] {
        MutantEnclave.Defence.$removed.withValue(removed) { enclave.advance() }
    }
    var frameLimits: FrameLimits { enclave.frameLimits }
    func refuseMalformed(requestID: UInt64) -> [Frame<EnclaveMessage>] {
        MutantEnclave.Defence.$removed.withValue(removed) { enclave.refuseMalformed(requestID: requestID) }
    }
}

private struct ShippedSource: EnclaveCore.EvidenceSource {
    let fixture: DevelopmentFixture
    var kind: TEEKind { .development }

    func evidence(reportData: [UInt8]) throws(EnclaveCore.EvidenceSourceError) -> EnclaveCore.PlatformEvidence {
        guard let evidence = try? fixture.evidence(over: reportData) else { throw .init(.failed, "no report") }
        return .init(evidence: evidence)
    }
}

private struct MutantSource: MutantEnclave.EvidenceSource {
    let fixture: DevelopmentFixture
    var kind: TEEKind { .development }

    func evidence(reportData: [UInt8]) throws(MutantEnclave.EvidenceSourceError) -> MutantEnclave.PlatformEvidence {
        guard let evidence = try? fixture.evidence(over: reportData) else { throw .init(.failed, "no report") }
        return .init(evidence: evidence)
    }
}
