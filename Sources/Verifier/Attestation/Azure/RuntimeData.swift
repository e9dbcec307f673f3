// SPDX-License-Identifier: Apache-2.0
import CryptoExtras
import Evidence
import FoundationEssentials
import StrictJSON

/// The TPM's signing key for quotes, from the runtime data: a JSON Web Key (RFC 7517) with the identifier `HCLAkPub`.
struct RuntimeData: Sendable {
    private static let keyName = "HCLAkPub"
    /// Bits of the modulus.
    private static let keyBits = 2048...4096

    let attestationKey: _RSA.Signing.PublicKey

    /// - Throws: ``EvidenceError`` (malformed).
    init(json: [UInt8]) throws(EvidenceError) {
        var found: [_RSA.Signing.PublicKey] = []
        do throws(JSONFault) {
            for element in try JSONText(json, name: "the runtime data").object()["keys"].array() {
                let key = try element.object()
                guard try key["kid"].string() == Self.keyName else { continue }
                guard try key["kty"].string() == "RSA" else { throw JSONFault("\(Self.keyName) is no RSA key") }
                let (modulus, exponent) = (try Self.number(key["n"]), try Self.number(key["e"]))
                guard modulus.count <= Self.keyBits.upperBound / 8, exponent.count <= 8,
                    let key = try? _RSA.Signing.PublicKey(n: modulus, e: exponent),
                    Self.keyBits.contains(key.keySizeInBits)
                else { throw JSONFault("\(Self.keyName) is not a sound RSA key of 2048 to 4096 bits") }
                found.append(key)
            }
        } catch {
            throw EvidenceError(.malformed, error.description)
        }
        guard found.count == 1, let key = found.first else {
            throw EvidenceError(.malformed, "the runtime data have \(found.count) keys '\(Self.keyName)'; expected 1")
        }
        attestationKey = key
    }

    /// Big-endian, base64url without padding (RFC 7518, section 6.3.1).
    private static func number(_ value: JSONText) throws(JSONFault) -> [UInt8] {
        guard let bytes = Base64URL.bytes(try value.string()), !bytes.isEmpty else {
            throw JSONFault("\(value.name) is not base64url")
        }
        return bytes
    }
}
