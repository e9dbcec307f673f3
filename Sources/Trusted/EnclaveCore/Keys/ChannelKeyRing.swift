// SPDX-License-Identifier: Apache-2.0
import SealedChannel
import SecretMemory
import Wire

/// The enclave's channel keys and the requests that they have opened. Keys are replaced at a maximum age, or when they
/// have opened as many requests as are remembered. Replaced keys decrypt requests for a grace period and are then
/// deleted: a request that the host withholds for longer can never be decrypted.
struct ChannelKeyRing {
    /// Keys with the requests that they opened.
    private struct Generation {
        let keys: ChannelKeyPair
        let madeAt: Duration
        var replays = ReplayGuard()

        init(
            of identifiers: ClosedRange<UInt8>, avoiding others: [Generation], at now: Duration
        ) throws(EnclaveRefusal) {
            keys = try ChannelKeyRing.freshKeys(of: identifiers, avoiding: others)
            madeAt = now
        }
    }

    /// Counts from 1.
    private(set) var generation: UInt32 = 1
    private var current: Generation
    /// Newest first. Several generations are kept, so that a client who uses keys up cannot end the grace period for
    /// others' requests by one more change.
    private var replaced: [(generation: Generation, endsAt: Duration)] = []
    private let maximumReplaced: Int
    /// The identifiers that the keys may have.
    private let identifiers: ClosedRange<UInt8>
    /// Whether the present keys are too old and could not be replaced: they open nothing.
    private var isOverdue = false
    private let limits: EnclaveLimits

    /// - Parameter slot: Decides the keys' identifiers; `nil` for any.
    /// - Throws: ``EnclaveRefusal`` (internalFault) when no keys can be made.
    init(limits: EnclaveLimits, slot: KeySlot? = nil, at now: Duration) throws(EnclaveRefusal) {
        identifiers = slot?.identifiers ?? 0...255
        // Two identifiers for the present keys, and two for new ones while all others are still valid.
        maximumReplaced = min(8, identifiers.count / 2 - 2)
        current = try Generation(of: identifiers, avoiding: [], at: now)
        self.limits = limits
    }

    /// The keys for new requests.
    var keyConfiguration: [UInt8] { current.keys.keyConfiguration }

    /// When the next keys are due to be replaced or forgotten.
    var nextChange: Duration {
        let renewal = current.madeAt + limits.keyLifetime
        return replaced.reduce(renewal) { min($0, $1.endsAt) }
    }

    /// Deletes replaced keys after their grace period, and replaces keys that are old or used up.
    ///
    /// - Throws: ``EnclaveRefusal`` (internalFault) when no keys can be made; then expired ones are removed all the
    ///   same.
    mutating func advance(to now: Duration) throws(EnclaveRefusal) {
        guard Defence.keyAge.isInPlace else { return }
        replaced.removeAll { $0.endsAt <= now }
        let isOld = current.madeAt + limits.keyLifetime <= now
        guard isOld || current.replays.count >= limits.requestsPerKey else { return }
        isOverdue = isOld
        let fresh = try Generation(of: identifiers, avoiding: [current] + replaced.map(\.generation), at: now)
        isOverdue = false
        // The time at which they expired counts, not the time at which this was detected.
        let endOfUse = isOld ? current.madeAt + limits.keyLifetime : now
        if endOfUse + limits.keyGrace > now { replaced.insert((current, endOfUse + limits.keyGrace), at: 0) }
        replaced = Array(replaced.prefix(maximumReplaced))
        current = fresh
        generation &+= 1
    }

    /// Replaces all keys at once and deletes the old ones, so that messages sealed to them can never be decrypted.
    /// Otherwise the host could send a request that was refused under the old list of clients again, and it would be
    /// served under the new list.
    ///
    /// - Throws: ``EnclaveRefusal`` (internalFault) when no keys can be made; then the old ones stay.
    mutating func replaceAll(at now: Duration) throws(EnclaveRefusal) {
        let fresh = try Generation(of: identifiers, avoiding: [current] + replaced.map(\.generation), at: now)
        guard Defence.renewedKeys.isInPlace else { return }
        current = fresh
        isOverdue = false
        replaced = []
        generation &+= 1
    }

    /// Opens a request that was not served before.
    ///
    /// - Throws: ``EnclaveRefusal``: `malformed`, `unknownKey`, `undecipherable`, `replayed`.
    func open(_ message: [UInt8], maximumBytes: Int) throws(EnclaveRefusal) -> OpenedRequest {
        let opened = try withKeys { (generation) throws(SealedChannelError) in
            try ObliviousGateway(keys: generation.keys, maximumMessageBytes: maximumBytes).open(message.span.bytes)
        }
        guard !current.replays.contains(opened.replayIdentifier),
            !replaced.contains(where: { $0.generation.replays.contains(opened.replayIdentifier) })
        else { throw EnclaveRefusal(.replayed) }
        return opened
    }

    /// Opens a provisioning message.
    ///
    /// - Returns: The message, and what seals the answer to the owner.
    /// - Throws: ``EnclaveRefusal``.
    func open(
        _ message: [UInt8], expecting expected: ProvisioningMessage.Expectation
    ) throws(EnclaveRefusal) -> (message: ProvisioningMessage, sealer: ResponseSealer) {
        try withKeys { (generation) throws(SealedChannelError) in
            try ProvisioningMessage.openForAnswer(message.span.bytes, with: generation.keys, expecting: expected)
        }
    }

    /// Records that a request of a listed client is about to be served. Other requests need no record, because no
    /// replay of them reaches the FrontNet under this list of clients, and a new list comes with new keys. They must
    /// not count towards the limit of the keys.
    mutating func remember(_ replayIdentifier: ContentDigest) { current.replays.remember(replayIdentifier) }

    /// Tries the present keys, then the replaced ones if the message identifies none of the present keys.
    private func withKeys<Value: ~Copyable>(
        _ body: (borrowing Generation) throws(SealedChannelError) -> Value
    ) throws(EnclaveRefusal) -> Value {
        for generation in (isOverdue ? [] : [current]) + replaced.map(\.generation) {
            do throws(SealedChannelError) { return try body(generation) } catch {
                guard error.code == .unsupportedSuite else { throw EnclaveRefusal(error.code.refusal) }
            }
        }
        throw EnclaveRefusal(.unknownKey)
    }

    /// - Parameter others: Keys that clients may still use: a request names one pair by its identifier.
    private static func freshKeys(
        of identifiers: ClosedRange<UInt8>, avoiding others: [Generation]
    ) throws(EnclaveRefusal) -> ChannelKeyPair {
        let taken = Set(others.flatMap { $0.keys.configurations.map(\.keyIdentifier) })
        do throws(SealedChannelError) {
            return try ChannelKeyPair.generate(identifiers: identifiers.filter { !taken.contains($0) })
        } catch { throw EnclaveRefusal(.internalFault) }
    }
}

extension SealedChannelError.Code {
    /// The code that leaves the enclave for a sealed message.
    var refusal: EnclaveErrorCode {
        switch self {
        case .malformed, .tooLarge: .malformed
        case .undecryptable: .undecipherable
        case .unsupportedSuite, .wrongKeyConfiguration: .unknownKey
        case .unsupportedVersion: .unsupportedVersion
        case .wrongSignature: .ownerUnauthorized
        case .wrongEpoch: .wrongEpoch
        case .wrongManifest: .wrongManifest
        default: .internalFault
        }
    }
}
