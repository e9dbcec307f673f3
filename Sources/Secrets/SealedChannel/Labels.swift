// SPDX-License-Identifier: Apache-2.0
/// The domain separation strings of all keys, hashes and signatures. At the start of a transcript each is followed by a
/// zero byte, so that no label is a prefix of another label's transcript.
enum Labels {
    /// RFC 9458 section 4.3: the HPKE info of a request, before the zero byte and the header.
    static let obliviousRequest = "message/bhttp request"
    /// RFC 9458 section 4.4: the exporter context of a response. No zero byte follows.
    static let obliviousResponse = "message/bhttp response"
    /// RFC 9458 section 4.4: the HKDF info of the response's key and nonce. No zero byte follows.
    static let responseKey = "key"
    static let responseNonce = "nonce"

    /// HPKE info of the owner's provisioning message, before the zero byte and the header.
    static let provisioning = "infenclave provisioning v2"
    /// Exporter context of the enclave's answer to a provisioning message. No zero byte follows.
    static let provisioningAnswer = "infenclave provisioning answer v1"
    /// HPKE info of provisioning messages of version 1, which are recognised, so that the error can name the remedy,
    /// but never accepted.
    static let provisioningVersion1 = "infenclave provisioning v1"
    /// Start of the bytes that the owner signs inside a provisioning message.
    static let provisioningSignature = "infenclave provisioning signature v2"
    /// Start of the bytes that the owner signs over a manifest core.
    static let manifestSignature = "infenclave manifest v2"
    /// Start of the bytes that the owner signs over a policy that releases keys.
    static let policySignature = "infenclave policy v1"
    /// Start of the bytes that are hashed into the digest of an access token.
    static let tokenDigest = "infenclave token v1"
    /// Start of the HKDF info of a sealed part's key.
    static let sealedPart = "infenclave sealed part v2"

    /// Start of the HKDF info of the key that the boundary's noise is derived from.
    static let boundaryNoise = "infenclave boundary noise v1"

    /// First bytes of the files that hold secrets.
    static let modelKeyFile = "infenclave-model-key-v1:"
    static let ownerKeyFile = "infenclave-owner-key-v1:"
    static let tokenFile = "infenclave-token-v1:"
    static let imageKeyFile = "infenclave-image-key-v1:"

    /// `label` and the zero byte that ends it.
    static func prefix(_ label: String) -> [UInt8] { Array(label.utf8) + [0] }
}
