// SPDX-License-Identifier: Apache-2.0
package import Attestation
import Evidence
import Foundation
import InfenclaveClient
package import SealedChannel
import StrictJSON

/// A policy with its owner's signature in the file `POLICY.sig`: `{"version": 1, "sequence": N, "signature": hex}`.
package struct SignedPolicy: Sendable {
    private struct Signature: Codable {
        var version = 1
        let sequence: UInt64
        let signature: String
    }

    private static let maximumPolicyBytes = 1 << 20
    private static let maximumSignatureBytes = 4096

    package let policy: Policy
    /// SHA-256 of the policy's bytes.
    package let digest: String
    package let sequence: UInt64

    /// Reads policy and signature.
    ///
    /// - Throws: ``KeyReleaseError`` (policy) when it is not signed by the owner, or is too weak for releasing keys.
    package init(_ path: String, owner: OwnerPublicKey) throws(KeyReleaseError) {
        let bytes = try Self.read(path, Self.maximumPolicyBytes)
        let file = try Self.read(path + ".sig", Self.maximumSignatureBytes)
        guard let stated = try? Signature(strictlyDecoding: file, name: "the signature"), stated.version == 1,
            let signature = [UInt8](hex: stated.signature)
        else {
            throw KeyReleaseError(.policy, "\(path).sig is no signature of a policy", remedy: Self.remedy(path))
        }
        do throws(SealedChannelError) {
            try PolicySignature.verify(signature, of: bytes, sequence: stated.sequence, by: owner)
        } catch { throw KeyReleaseError(.policy, "\(path): \(error.message)", remedy: Self.remedy(path)) }
        do throws(AttestationError) { policy = try Policy(json: bytes) } catch {
            throw KeyReleaseError(.policy, "\(path): \(error.message)")
        }
        guard case .require(owner.bytes) = policy.ownerPublicKey, case .require = policy.manifestDigest else {
            throw KeyReleaseError(
                .policy, "\(path) does not pin the owner's key \(owner) and the manifest's digest",
                remedy: "make it with `infenclave policy`: the model key goes with one bundle")
        }
        digest = LogReader.digest(of: bytes)
        sequence = stated.sequence
    }

    /// Signs a policy and writes `POLICY.sig`.
    package static func sign(_ path: String, sequence: UInt64, by key: OwnerSigningKey) throws {
        let bytes = try read(path, maximumPolicyBytes)
        let signature = try PolicySignature.sign(bytes, sequence: sequence, by: key)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        try encoder.encode(Signature(sequence: sequence, signature: signature.hex)).write(
            to: URL(filePath: path + ".sig"), options: .atomic)
        _ = try SignedPolicy(path, owner: key.publicKey)
    }

    private static func remedy(_ path: String) -> String {
        "the owner signs it with `infenclave keyhold sign --policy \(path) --owner-key FILE`"
    }

    private static func read(_ path: String, _ limit: Int) throws(KeyReleaseError) -> [UInt8] {
        do throws(BoundedFile.Fault) { return [UInt8](try BoundedFile.contents(of: path, maximumBytes: limit)) } catch {
            throw KeyReleaseError(
                .policy, "\(path) cannot be read\(error.suffix)",
                remedy: path.hasSuffix(".sig") ? remedy(String(path.dropLast(4))) : "check the path")
        }
    }
}
