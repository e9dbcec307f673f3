// SPDX-License-Identifier: Apache-2.0
internal import SecretMemory

/// The owner's signature over a policy that releases keys: Ed25519 over "infenclave policy v1", a zero byte, u64 little-endian
/// sequence number, and the bytes of the policy.
package enum PolicySignature {
    /// - Parameter sequence: Orders policies: a policy with a lower number than before is refused.
    package static func sign(
        _ policy: [UInt8], sequence: UInt64, by key: OwnerSigningKey
    ) throws(SealedChannelError) -> [UInt8] {
        try transcript(policy, sequence).span.bytes.withUnsafeBytes { (bytes) throws(SealedChannelError) in
            try key.signature(over: bytes)
        }
    }

    /// - Throws: ``SealedChannelError`` `.wrongSignature`.
    package static func verify(
        _ signature: [UInt8], of policy: [UInt8], sequence: UInt64, by key: OwnerPublicKey
    ) throws(SealedChannelError) {
        let isValid = transcript(policy, sequence).span.bytes.withUnsafeBytes { key.isValid(signature, over: $0) }
        guard isValid else {
            throw SealedChannelError(.wrongSignature, "the policy is not signed by the owner's key \(key)")
        }
    }

    private static func transcript(_ policy: [UInt8], _ sequence: UInt64) -> [UInt8] {
        Labels.prefix(Labels.policySignature) + (0..<8).map { UInt8(truncatingIfNeeded: sequence >> (8 * $0)) } + policy
    }
}
