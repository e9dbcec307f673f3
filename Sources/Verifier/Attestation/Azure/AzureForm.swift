import Evidence

/// Whether evidence of Azure has its form, apart from whether anybody vouches for it.
package enum AzureForm {
    /// - Returns: `nil` for evidence that can be read; else what is wrong with it.
    package static func fault(of evidence: [UInt8]) -> String? {
        do {
            let parts = try AzureVerification.Parts(parsing: evidence)
            _ = try RuntimeData(json: parts.report.runtimeData)
            return nil
        } catch { return error.message }
    }
}
