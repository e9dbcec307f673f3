// SPDX-License-Identifier: Apache-2.0
import Tensors

/// What the enclave contributes to the evidence document.
package struct EnclaveEvidence: Sendable, Hashable {
    /// The platform's quote, report or document.
    package let evidence: [UInt8]
    /// Certificates and other collateral from the platform, by role.
    package let collateral: [String: [UInt8]]
    /// An `application/ohttp-keys` list.
    package let keyConfiguration: [UInt8]
    /// The enclave's facts, in the bytes that the evidence is bound to.
    package let facts: [UInt8]
    /// 16 random bytes, generated at every start of the enclave.
    package let epoch: [UInt8]

    package static let epochBytes = 16
    private static let maximumCollateral = 64
    private static let maximumRoleBytes = 64

    package init(
        evidence: [UInt8], collateral: [String: [UInt8]], keyConfiguration: [UInt8], facts: [UInt8], epoch: [UInt8]
    ) {
        self.facts = facts
        self.evidence = evidence
        self.collateral = collateral
        self.keyConfiguration = keyConfiguration
        self.epoch = epoch
    }

    init(from reader: inout ByteReader) throws(TensorError) {
        evidence = try reader.readCounted("evidence")
        var collateral: [String: [UInt8]] = [:]
        var previous: String?
        let count: UInt32 = try reader.read("collateral")
        guard count <= Self.maximumCollateral else { throw TensorError(.malformed, "\(count) pieces of collateral") }
        for _ in 0..<count {
            let role = try reader.readString(maximumBytes: Self.maximumRoleBytes, "role")
            if let previous, !previous.utf8.lexicographicallyPrecedes(role.utf8) {
                throw TensorError(.malformed, "collateral '\(role)' is out of order")
            }
            previous = role
            collateral[role] = try reader.readCounted("collateral")
        }
        self.collateral = collateral
        keyConfiguration = try reader.readCounted("key configuration")
        facts = try reader.readCounted("facts")
        epoch = try reader.readBytes(Self.epochBytes, "epoch")
    }

    func encode(into builder: inout PayloadBuilder) {
        builder.write(counted: evidence)
        builder.write(UInt32(collateral.count))
        for (role, bytes) in collateral.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
            builder.write(role)
            builder.write(counted: bytes)
        }
        builder.write(counted: keyConfiguration)
        builder.write(counted: facts)
        builder.write(bytes: epoch)
    }
}
