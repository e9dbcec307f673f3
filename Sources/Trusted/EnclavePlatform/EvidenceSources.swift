// SPDX-License-Identifier: Apache-2.0
package import EnclaveCore
package import Evidence

/// The evidence source of the named TEE. There is no default and no fallback.
package enum EvidenceSources {
    /// - Parameter developmentKey: The key file, for the development TEE only.
    /// - Throws: ``EvidenceSourceError`` when this machine is not of the kind.
    package static func source(
        _ kind: TEEKind, developmentKey: String?
    ) throws(EvidenceSourceError) -> any EvidenceSource {
        switch kind {
        case .development:
            guard let developmentKey else {
                throw EvidenceSourceError(.configurationInvalid, "the development TEE needs a key file")
            }
            return DevelopmentEvidence(
                measurement: try ExecutableMeasurement.ofThisProcess(),
                key: try DevelopmentKey.readOrCreate(developmentKey))
        case .sgx: return try GramineEvidence()
        case .tdx, .snp: return try ConfigfsEvidence(kind)
        case .nitro: return try NitroEvidence()
        case .azureSNP, .azureTDX: return try AzureSource(kind)
        }
    }

    /// Which hardware this process runs in. The development TEE is never an answer.
    ///
    /// - Throws: ``EvidenceSourceError`` (absent) that lists the devices that were looked for and found.
    package static func detect(
        files: any KernelFiles = MachineFiles(), module: any NitroSecurityModule = NitroDevice(),
        tpm: any TrustedPlatformModule = TPMDevice()
    ) throws(EvidenceSourceError) -> TEEKind {
        let attempts: [(TEEKind, () throws(EvidenceSourceError) -> any EvidenceSource)] = [
            (.sgx, { () throws(EvidenceSourceError) in try GramineEvidence(files: files) }),
            (.tdx, { () throws(EvidenceSourceError) in try ConfigfsEvidence(.tdx, files: files) }),
            (.snp, { () throws(EvidenceSourceError) in try ConfigfsEvidence(.snp, files: files) }),
            (.nitro, { () throws(EvidenceSourceError) in try NitroEvidence(module: module) }),
            (.azureSNP, { () throws(EvidenceSourceError) in try AzureSource(module: tpm) }),
        ]
        var reasons: [String] = []
        for (kind, source) in attempts {
            do throws(EvidenceSourceError) { return try source().kind } catch {
                reasons.append("\(kind.rawValue): \(error.message)")
            }
        }
        throw EvidenceSourceError(.absent, "no TEE was found here. " + reasons.joined(separator: "; "))
    }
}
