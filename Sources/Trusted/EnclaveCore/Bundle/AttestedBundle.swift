// SPDX-License-Identifier: Apache-2.0
import Evidence
import SealedChannel

/// The bundle as evidence states it: the manifest, and the digests of the sealed parts as received.
struct AttestedBundle {
    let manifest: VerifiedManifest
    let frontNetDigest: ContentDigest
    let mappingUnitDigest: ContentDigest

    init(_ bundle: SealedBundle) {
        manifest = bundle.manifest
        frontNetDigest = bundle.frontNet.digest
        mappingUnitDigest = bundle.mappingUnit.digest
    }

    /// - Throws: ``EvidenceError`` when a digest is not one; it always is.
    func facts(_ state: EnclaveFacts.State) throws(EvidenceError) -> EnclaveFacts {
        try EnclaveFacts(
            frontNetDigest: frontNetDigest.bytes, mappingUnitDigest: mappingUnitDigest.bytes, state: state)
    }

    /// The encoded facts that report data bind.
    func bound(_ facts: [UInt8]) throws(EvidenceError) -> [UInt8] {
        #if MUTANTS
            if !Defence.statedFacts.isInPlace {
                // A host's claims.
                return try self.facts(
                    .provisioned(.init(sequence: 1, seconds: 600, secondsLeft: 600), manifest.core.service)
                ).encoded()
            }
        #endif
        return facts
    }
}
