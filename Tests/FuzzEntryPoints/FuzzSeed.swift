// SPDX-License-Identifier: Apache-2.0
import Evidence

/// Bytes that a target accepts (`verification` only parses them, because they are not signed), made by this package's
/// encoders: the start of a fuzzer.
public struct FuzzSeed: Sendable {
    public let target: FuzzTarget
    public let name: String
    public let bytes: [UInt8]

    init(_ target: FuzzTarget, _ name: String, _ bytes: [UInt8]) {
        self.target = target
        self.name = name
        self.bytes = bytes
    }

    /// At least one for each target.
    public static func all() throws -> [FuzzSeed] {
        try modelSeeds() + darknetSeeds() + fileSeeds() + frameSeeds() + channelSeeds() + evidenceSeeds() + proxySeeds()
            + imageSeeds() + machineSeeds() + engineSeeds()
            + fixtureSeeds()
    }

    /// Real evidence, in the folder `vectors/attestation` of the shared files.
    public static func attestationVectors(in folder: String) throws -> [FuzzSeed] {
        try EvidenceParcel.vectors(in: folder).flatMap { name, parcel in
            [FuzzSeed(.verification, name, parcel.bytes)] + parts(of: parcel, name)
        }
    }
}
