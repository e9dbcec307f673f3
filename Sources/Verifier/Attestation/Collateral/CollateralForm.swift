// SPDX-License-Identifier: Apache-2.0
package import Evidence

/// Whether a file of collateral has the form of its role, independent of its authenticity. Verification reads
/// statements only after it has checked their signature, which no fuzzer can pass; so fuzzers use this.
package enum CollateralForm {
    /// - Returns: `nil` for a well-formed file; otherwise the fault.
    package static func fault(of bytes: [UInt8], as role: CollateralRole) -> String? {
        let bytes = CollateralEncoding.plain(bytes, role)
        do {
            switch role {
            case .tcbInfo: _ = try TCBInfo(SignedCollateral(bytes, member: "tcbInfo").content)
            case .qeIdentity: _ = try QEIdentity(SignedCollateral(bytes, member: "enclaveIdentity").content)
            case .pckCRL, .rootCACRL, .crl: _ = try RevocationList(der: bytes)
            case .tcbInfoIssuerChain, .qeIdentityIssuerChain, .pckCertificateChain, .vcek, .vlek, .intermediate:
                _ = try PEM.certificates(bytes)
            case .eventLog: _ = EventLogReplay(try EventLog(parsing: bytes)).explanation
            case .certificateTable: _ = try CertificateTable(parsing: bytes)
            }
            return nil
        } catch {
            return String(describing: error)
        }
    }
}
