package import EnclaveCore
package import Evidence

/// The evidence source of the TEE that was named. There is no default and no fallback.
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
        }
    }
}
