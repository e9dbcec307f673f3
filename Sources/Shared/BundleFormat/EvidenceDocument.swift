// SPDX-License-Identifier: Apache-2.0
package import Evidence
import FoundationEssentials
import StrictJSON

/// What a host serves at `/.well-known/infenclave/evidence?nonce=HEX`: evidence with everything that its `report_data`
/// covers. All of it comes from the host and proves nothing until a verifier has checked it.
///
/// JSON: `{"version":2,"tee":…,"nonce":hex,"evidence":base64,"collateral":{role:base64},"keyConfiguration":base64,
/// "manifestCore":base64,"manifest":base64,"manifestSignature":base64,"facts":base64,"epoch":hex}`.
package struct EvidenceDocument: Sendable, Hashable, Codable {
    /// The version that this build writes and reads.
    package static let version = 2
    /// Limit of the document's size in bytes, checked before it is parsed.
    package static let maximumBytes = 8 << 20
    static let maximumCollateralFiles = 32
    static let maximumEvidenceBytes = 64 << 10

    /// The kind of TEE.
    package let tee: TEEKind
    /// The verifier's nonce, 16 to 64 bytes.
    package let nonce: [UInt8]
    /// A quote, report or attestation document in the TEE's format.
    package let evidence: [UInt8]
    /// The vendor's certificates and statements by role, such as `tcb_info`.
    package let collateral: [String: [UInt8]]
    /// An `application/ohttp-keys` list, byte for byte.
    package let keyConfiguration: [UInt8]
    /// The exact bytes of the bundle's ``ManifestCore``.
    package let manifestCore: [UInt8]
    /// The exact bytes of the bundle's `manifest.json`.
    package let manifest: [UInt8]
    /// The owner's Ed25519 signature over the manifest core, 64 bytes.
    package let manifestSignature: [UInt8]
    /// ``EnclaveFacts``, as the enclave encoded them.
    package let facts: [UInt8]
    /// 16 random bytes that identify the run of the enclave.
    package let epoch: [UInt8]

    /// - Throws: ``EvidenceError`` (malformed) for a field whose length readers reject.
    package init(
        tee: TEEKind, nonce: [UInt8], evidence: [UInt8], collateral: [String: [UInt8]] = [:],
        keyConfiguration: [UInt8], manifestCore: [UInt8], manifest: [UInt8], manifestSignature: [UInt8],
        facts: [UInt8], epoch: [UInt8]
    ) throws(EvidenceError) {
        try ReportTranscript.check(nonce, "the nonce", ReportTranscript.nonceByteCounts)
        try ReportTranscript.check(evidence, "the evidence", 1...Self.maximumEvidenceBytes)
        try ReportTranscript.check(
            keyConfiguration, "the key configuration", 1...ReportTranscript.maximumKeyConfigurationBytes)
        try ReportTranscript.check(manifestCore, "the manifest core", 1...ManifestCore.maximumBytes)
        try ReportTranscript.check(facts, "the enclave's facts", 1...EnclaveFacts.maximumBytes)
        try ReportTranscript.check(manifestSignature, "the manifest's signature", 64...64)
        let epochByteCount = ReportTranscript.epochByteCount
        try ReportTranscript.check(epoch, "the epoch", epochByteCount...epochByteCount)
        guard collateral.count <= Self.maximumCollateralFiles else {
            throw EvidenceError(
                .malformed, "\(collateral.count) collateral files; expected at most \(Self.maximumCollateralFiles)")
        }
        self.tee = tee
        self.nonce = nonce
        self.evidence = evidence
        self.collateral = collateral
        self.keyConfiguration = keyConfiguration
        self.manifestCore = manifestCore
        self.manifest = manifest
        self.manifestSignature = manifestSignature
        self.facts = facts
        self.epoch = epoch
    }

    /// - Throws: ``EvidenceError`` when the bytes are not a document of this version.
    package init(json: [UInt8]) throws(EvidenceError) {
        guard json.count <= Self.maximumBytes else {
            throw EvidenceError(
                .malformed, "the evidence document has \(json.count) bytes; expected at most \(Self.maximumBytes)")
        }
        do {
            self = try Self(strictlyDecoding: json, name: "it")
        } catch let error as EvidenceError {
            throw error
        } catch {
            throw EvidenceError(.malformed, "the evidence document is not the expected JSON: \(Self.place(of: error))")
        }
    }

    /// The document as JSON with sorted keys.
    ///
    /// - Throws: ``EvidenceError`` when the result would be larger than readers accept.
    package func json() throws(EvidenceError) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let json = try? encoder.encode(self), json.count <= Self.maximumBytes else {
            throw EvidenceError(.malformed, "the evidence document is larger than \(Self.maximumBytes) bytes")
        }
        return Array(json)
    }

    private enum Key: String, CodingKey {
        case version, tee, nonce, evidence, collateral, keyConfiguration, manifestCore, manifest, manifestSignature,
            facts
        case epoch
    }

    /// - Throws: ``EvidenceError``, `DecodingError`.
    package init(from decoder: any Decoder) throws {
        let members = try decoder.container(keyedBy: Key.self)
        let version = try members.decode(Int.self, forKey: .version)
        guard version == Self.version else {
            throw EvidenceError(
                .unsupported,
                "the evidence document has version \(version), expected \(Self.version): use one version of infenclave on "
                    + "both sides")
        }
        func bytes(_ key: Key) throws -> [UInt8] { Array(try members.decode(Data.self, forKey: key)) }
        func hex(_ key: Key) throws -> [UInt8] {
            guard let bytes = [UInt8](hex: try members.decode(String.self, forKey: key)) else {
                throw EvidenceError(.malformed, "\(key.rawValue) of the evidence document is not hexadecimal")
            }
            return bytes
        }
        try self.init(
            tee: members.decode(TEEKind.self, forKey: .tee), nonce: hex(.nonce), evidence: bytes(.evidence),
            collateral: members.decode([String: Data].self, forKey: .collateral).mapValues { Array($0) },
            keyConfiguration: bytes(.keyConfiguration), manifestCore: bytes(.manifestCore), manifest: bytes(.manifest),
            manifestSignature: bytes(.manifestSignature), facts: bytes(.facts), epoch: hex(.epoch))
    }

    /// Writes the members of the JSON document.
    package func encode(to encoder: any Encoder) throws {
        var members = encoder.container(keyedBy: Key.self)
        try members.encode(Self.version, forKey: .version)
        try members.encode(tee, forKey: .tee)
        try members.encode(nonce.hex, forKey: .nonce)
        try members.encode(Data(evidence), forKey: .evidence)
        try members.encode(collateral.mapValues { Data($0) }, forKey: .collateral)
        try members.encode(Data(keyConfiguration), forKey: .keyConfiguration)
        try members.encode(Data(manifestCore), forKey: .manifestCore)
        try members.encode(Data(manifest), forKey: .manifest)
        try members.encode(Data(manifestSignature), forKey: .manifestSignature)
        try members.encode(Data(facts), forKey: .facts)
        try members.encode(epoch.hex, forKey: .epoch)
    }

    private static func place(of error: any Error) -> String {
        switch error {
        case let fault as JSONFault: fault.description
        case DecodingError.keyNotFound(let key, _): "\(key.stringValue) is missing"
        case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context),
            DecodingError.dataCorrupted(let context):
            context.codingPath.isEmpty
                ? "it cannot be parsed" : "\(context.codingPath.map(\.stringValue).joined(separator: ".")) is wrong"
        default: "it cannot be parsed"
        }
    }
}
