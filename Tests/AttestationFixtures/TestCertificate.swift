// SPDX-License-Identifier: Apache-2.0
import Foundation

/// A certificate that tests sign. Every field can be falsified before it is signed.
package struct TestCertificate: Sendable {
    package var subject: String
    package var issuer: String
    /// Of the subject.
    package var key: TestKey
    package var issuerKey: TestKey
    package var serial = 1
    package var period = Period.current
    package var isAuthority: Bool
    package var pathLength: Int?
    /// Extensions in DER.
    package var extensions: [[UInt8]] = []

    /// - Parameter issuer: `nil` makes it a root.
    package init(_ subject: String, _ key: TestKey, by issuer: TestCertificate? = nil, isAuthority: Bool = true) {
        self.subject = subject
        self.issuer = issuer?.subject ?? subject
        self.key = key
        self.issuerKey = issuer?.key ?? key
        self.isAuthority = isAuthority
    }

    package func der() throws -> [UInt8] {
        let usage: [UInt8] = isAuthority ? [0x06] : [0x80]
        let constraints = isAuthority ? DER.sequence(DER.yes, pathLength.map(DER.integer) ?? []) : DER.sequence()
        let all =
            [
                DER.certificateExtension(
                    [2, 5, 29, 15], isCritical: true, DER.bits(usage, unused: isAuthority ? 1 : 7)),
                DER.certificateExtension([2, 5, 29, 19], isCritical: true, constraints),
            ] + extensions
        let content = DER.sequence(
            DER.context(0, DER.integer(2)), DER.integer(serial), issuerKey.algorithm, DER.name(issuer),
            DER.sequence(DER.time(period.start), DER.time(period.end)), DER.name(subject), key.publicKeyInfo,
            DER.context(3, DER.sequence(all.flatMap(\.self))))
        return DER.sequence(content, issuerKey.algorithm, DER.bits(try issuerKey.signature(over: content)))
    }

    package func pem() throws -> [UInt8] {
        let base64 = Data(try der()).base64EncodedString(options: [.lineLength64Characters, .endLineWithLineFeed])
        return Array("-----BEGIN CERTIFICATE-----\n\(base64)\n-----END CERTIFICATE-----\n".utf8)
    }
}

/// A revocation list that tests sign themselves.
package struct TestRevocationList: Sendable {
    package var issuer: String
    package var key: TestKey
    package var period = Period.current
    package var serials: [Int] = []
    package var hasNumber = true

    package init(by authority: TestCertificate) {
        issuer = authority.subject
        key = authority.key
    }

    package func der() throws -> [UInt8] {
        let entries = serials.flatMap { DER.sequence(DER.integer($0), DER.time(period.start)) }
        let numbered =
            DER.certificateExtension([2, 5, 29, 35], DER.sequence(DER.element(0x80, [1, 2, 3])))
            + DER.certificateExtension([2, 5, 29, 20], DER.integer(7))
        let content = DER.sequence(
            DER.integer(1), key.algorithm, DER.name(issuer), DER.time(period.start), DER.time(period.end),
            entries.isEmpty ? [] : DER.sequence(entries), hasNumber ? DER.context(0, DER.sequence(numbered)) : [])
        return DER.sequence(content, key.algorithm, DER.bits(try key.signature(over: content)))
    }
}
