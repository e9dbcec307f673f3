// SPDX-License-Identifier: Apache-2.0
import Attestation
package import Crypto
package import Evidence

/// A report of a test's own development TEE.
package struct DevelopmentFixture: EvidenceFixture {
    package let tee = TEEKind.development
    package var measurement = [UInt8](repeating: 1, count: 48)
    /// The key that the policy pins.
    package let machine = Curve25519.Signing.PrivateKey()
    /// The key that the report names, and that which signs it, if they are others.
    package var named: Curve25519.Signing.PrivateKey?
    package var signer: Curve25519.Signing.PrivateKey?

    package init() {}

    package func evidence(over reportData: [UInt8]) throws -> [UInt8] {
        let key = named ?? machine
        let message = try DevelopmentReport.signedMessage(measurement: measurement, reportData: reportData)
        return try DevelopmentReport(
            measurement: measurement, reportData: reportData, publicKey: Array(key.publicKey.rawRepresentation),
            signature: Array(try (signer ?? key).signature(for: message))
        ).encoded()
    }

    package func collateral() -> [CollateralRole: [UInt8]] { [:] }
    package func trustedRoot() -> [UInt8]? { nil }

    package var policy: [String: String] {
        [
            "version": "2", "tee": #"["development"]"#,
            "measurements": #"{"development":["\#([UInt8](repeating: 1, count: 48).hex)"]}"#,
            "developmentKey": "\"\(Array(machine.publicKey.rawRepresentation).hex)\"",
        ]
    }
}
