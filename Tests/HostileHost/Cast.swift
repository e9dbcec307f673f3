// SPDX-License-Identifier: Apache-2.0
import Attestation
import AttestationFixtures
import Crypto
import EnclaveFixtures
import Evidence
import SealedChannel
import Tensors
import Wire

/// The participants of every schedule, made once, because sealing a bundle takes longer than a schedule.
///
/// The host may use the owner's keys, because the owner colludes with it. Even then, no enclave whose evidence a client
/// accepts may reveal the client's picture or answer to anybody.
struct Cast: @unchecked Sendable {
    // `@unchecked`: nothing in it is changed after it was made.

    static let shared = Result { try Cast() }

    let machine = DevelopmentFixture()
    let owner: OwnerSigningKey
    /// What the client was promised: everything inside, pixels only.
    let honest: Deployment
    /// The bundle that the client accepts with a cut.
    let cut: Deployment
    /// Bundles of the colluding owner, each with a lie.
    let traps: [Deployment]
    /// The manifest of ``honest`` with parts of another model.
    let swapped: [HostMessage]
    /// Clients whose tokens the owner lists, or has removed from the list.
    let tokens = (0..<3).map { _ in AccessToken.random() }
    let stranger = AccessToken.random()

    private init() throws {
        owner = .random()
        let key = ModelKey.random()
        var inside = TinyModel(isAllInside: true)
        inside.acceptsFloats = false
        let outside = TinyModel(isAllInside: false)
        var pixels = outside
        pixels.acceptsFloats = false
        honest = try Deployment(inside, owner: owner, modelKey: key)
        cut = try Deployment(outside, owner: owner, modelKey: key)
        var other = inside
        other.gain = -1
        swapped = [try honest.loadManifest()] + (try honest.parts(of: other))
        traps = [
            // The promise, with parts that let the picture out.
            try Deployment(pixels, claiming: inside.facts(), owner: owner, modelKey: key),
            // The truth about a cut, for a client who demands that there is none.
            try Deployment(pixels, owner: owner, modelKey: key),
            // Another model of the same promise.
            try Deployment(inside, owner: owner, modelKey: key),
        ]
    }

    /// Not the owner's.
    let otherKey = ModelKey.random()

    var bundles: [Deployment] { [honest, cut] + traps }

    /// A client's policy for one bundle.
    ///
    /// - Parameter pinned: The bundle; `nil` for any of this owner's with everything inside.
    func policy(_ pinned: Deployment?) throws -> Policy {
        var members = machine.policy
        members["ownerPublicKey"] = "\"\(owner.publicKey)\""
        if let pinned {
            members["manifestDigest"] = "\"\(pinned.manifestDigest)\""
        } else {
            members["skip"] = #"{"manifestDigest":"any bundle of this owner with everything inside"}"#
            members["everythingInside"] = "true"
            members["pixelsOnly"] = "true"
        }
        let json = "{" + members.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",") + "}"
        return try Policy(json: Array(json.utf8))
    }
}

extension Deployment {
    /// The facts that a host would like an enclave with these parts to state.
    func hopedFacts() throws -> [UInt8] {
        try EnclaveFacts(
            frontNetDigest: ContentDigest(of: frontNet).bytes, mappingUnitDigest: ContentDigest(of: mappingUnit).bytes,
            state: .provisioned(.init(sequence: 1, seconds: 600, secondsLeft: 600), core.service)
        ).encoded()
    }
}
