// SPDX-License-Identifier: Apache-2.0
package import Crypto
package import EnclaveCore
package import Evidence

/// Evidence of the development TEE. It gives no protection from the machine's owner: whoever has the key file can make
/// it for any code.
package struct DevelopmentEvidence: EvidenceSource {
    private let measurement: [UInt8]
    private let key: Curve25519.Signing.PrivateKey

    /// - Parameter measurement: SHA-384 of the enclave executable.
    package init(measurement: [UInt8], key: Curve25519.Signing.PrivateKey) {
        self.measurement = measurement
        self.key = key
    }

    package var kind: TEEKind { .development }

    package func evidence(reportData: [UInt8]) throws(EvidenceSourceError) -> PlatformEvidence {
        do {
            let message = try DevelopmentReport.signedMessage(measurement: measurement, reportData: reportData)
            let report = try DevelopmentReport(
                measurement: measurement, reportData: reportData, publicKey: Array(key.publicKey.rawRepresentation),
                signature: Array(try key.signature(for: message)))
            return PlatformEvidence(evidence: report.encoded())
        } catch {
            throw EvidenceSourceError(.failed, "the development report could not be made")
        }
    }
}
