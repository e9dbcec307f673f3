// SPDX-License-Identifier: Apache-2.0
#if MUTANTS
    package import SealedChannel
#endif

/// The enclave's defences that `Tests/HostileHost` removes one at a time, to show that its attacks succeed without them.
/// In the enclave each is always in place: only a second build of these sources, for tests, defines `MUTANTS`.
package enum Defence: String, Sendable, CaseIterable {
    /// A sealed part has the digest that the manifest core lists.
    case partDigest
    /// The parts' facts equal those of the manifest core and of evidence.
    case facts
    /// A request is served once.
    case replay
    /// Only listed clients are served.
    case clientList
    /// A client is served as often as the owner allows in a lease.
    case quota
    /// Nothing is served after the lease.
    case lease
    /// Channel keys are replaced and forgotten.
    case keyAge
    /// A request that was refused under one list of clients is not served under the next.
    case renewedKeys
    /// An earlier provisioning message does not count after a later one.
    case sequence
    /// A provisioning message is for this run of the enclave.
    case provisioningEpoch
    /// A provisioning message is signed by the owner of the bundle.
    case provisioningOwner
    /// A renewal must bring the model key that opened the parts.
    case renewalKey
    /// Evidence binds what the enclave states of itself.
    case statedFacts
    /// A result of the BackNet is accepted once.
    case resultOnce
    /// All answers of a bundle have one size.
    case answerSize
    /// Floats are refused where the owner allows pixels only.
    case pixelsOnly
    /// The number of requests in progress is bounded.
    case requestsInFlight
    /// The result of a computation for a request that was answered or abandoned does not leave the enclave.
    case abandonment

    #if MUTANTS
        /// The defence that is removed in the current task.
        @TaskLocal package static var removed: Defence?
        /// The owner whose messages are accepted without ``provisioningOwner``, and the epoch that is accepted without
        /// ``provisioningEpoch``.
        package static let anotherOwner = anotherOwnerKey.publicKey
        package static let anotherOwnerKey = OwnerSigningKey.random()
        package static let anotherEpoch = EnclaveEpoch.random()
        var isInPlace: Bool { Self.removed != self }
    #else
        var isInPlace: Bool { true }
    #endif
}
