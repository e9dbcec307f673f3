// SPDX-License-Identifier: Apache-2.0
package import Attestation
package import Evidence

/// Evidence of one TEE under a test root: it is accepted unchanged, and every part can be falsified before the
/// enclosing parts are signed, so that a single check fails.
package protocol EvidenceFixture: Sendable {
    var tee: TEEKind { get }
    /// Evidence that is bound to 64 bytes.
    func evidence(over reportData: [UInt8]) throws -> [UInt8]
    func collateral() throws -> [CollateralRole: [UInt8]]
    /// The root certificate in PEM; `nil` for the vendor's root, or for a TEE without one.
    func trustedRoot() throws -> [UInt8]?
    /// The members of a policy, in JSON, that says something about every check of the TEE.
    var policy: [String: String] { get }
}

extension EvidenceFixture {
    /// The default report data of evidence.
    package static var reportData: [UInt8] { (0..<64).map { UInt8($0) } }

    package func roots() throws -> TrustedRoots {
        try trustedRoot().map { root throws(AttestationError) in try .dangerouslyTrust(root) } ?? .vendors
    }

    /// - Parameter tee: What the caller takes the evidence for.
    package func request(
        as tee: TEEKind? = nil, at time: Timestamp = Period.now, seenBefore: [String: CollateralRecord] = [:]
    ) throws -> VerificationRequest {
        VerificationRequest(
            tee: tee ?? self.tee, evidence: try evidence(over: Self.reportData), collateral: try collateral(), at: time,
            roots: try roots(), seenBefore: seenBefore)
    }

    /// The fixture with one field made wrong.
    package func with(_ change: (inout Self) -> Void) -> Self {
        var copy = self
        change(&copy)
        return copy
    }
}

extension Policy {
    /// - Parameter members: By name, in JSON.
    package init(members: [String: String]) throws(AttestationError) {
        try self.init(json: Self.json(members: members))
    }

    /// - Parameter members: By name, in JSON.
    package static func json(members: [String: String]) -> [UInt8] {
        let text = members.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",")
        return Array("{\(text)}".utf8)
    }
}

extension [UInt8] {
    /// Puts bytes at an offset.
    package mutating func put(_ bytes: [UInt8], at offset: Int) {
        replaceSubrange(offset..<offset + bytes.count, with: bytes)
    }

    static func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
        Swift.withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }
}

extension CollateralRecord {
    /// As new in number, and made later.
    package func later(bySeconds seconds: Int64) -> CollateralRecord {
        CollateralRecord(
            date: Timestamp(secondsSince1970: date.secondsSince1970 + seconds),
            evaluationDataNumber: evaluationDataNumber)
    }
}
