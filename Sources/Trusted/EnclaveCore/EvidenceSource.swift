// SPDX-License-Identifier: Apache-2.0
package import Evidence

/// A source of the platform's evidence about this enclave.
package protocol EvidenceSource: Sendable {
    var kind: TEEKind { get }

    /// Fresh evidence of this enclave that contains these 64 bytes as report data.
    ///
    /// - Throws: ``EvidenceSourceError`` when the platform cannot provide it.
    func evidence(reportData: [UInt8]) throws(EvidenceSourceError) -> PlatformEvidence
}

/// The platform's evidence.
package struct PlatformEvidence: Sendable, Hashable {
    /// A quote, report or attestation document in the form of its TEE.
    package let evidence: [UInt8]
    /// The certificates that came with it, by role.
    package let collateral: [CollateralRole: [UInt8]]

    package init(evidence: [UInt8], collateral: [CollateralRole: [UInt8]] = [:]) {
        self.evidence = evidence
        self.collateral = collateral
    }
}

/// Why the platform provides no evidence.
package struct EvidenceSourceError: Error, Sendable, CustomStringConvertible {
    package struct Code: Sendable, Hashable {
        private let name: String
        private init(_ name: String) { self.name = name }

        /// This machine is not of the kind.
        package static let absent = Code("absent")
        /// The kernel's interface exists but failed.
        package static let failed = Code("failed")
        /// A file that the source needs is wrong.
        package static let configurationInvalid = Code("configurationInvalid")
    }

    package let code: Code
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
