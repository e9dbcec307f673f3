// SPDX-License-Identifier: Apache-2.0
package import Evidence
import FoundationEssentials

/// Whether evidence of Azure is well-formed, independent of its authenticity.
package enum AzureForm {
    /// - Returns: `nil` for well-formed evidence; otherwise the fault.
    package static func fault(of evidence: [UInt8]) -> String? {
        do {
            let parts = try AzureVerification.Parts(parsing: evidence)
            _ = try RuntimeData(json: parts.report.runtimeData)
            return nil
        } catch { return error.message }
    }

    /// The TDREPORT in evidence of TDX that has no quote of it yet.
    ///
    /// - Returns: `nil` for other evidence.
    package static func reportWithoutQuote(in evidence: [UInt8]) -> [UInt8]? {
        guard let parts = try? AzureEvidence(json: evidence), parts.tdQuote == nil,
            let report = try? HCLReport(parsing: parts.hclReport), report.kind == .tdx
        else { return nil }
        return report.hardwareReport
    }

    /// Evidence of TDX with the hardware's quote.
    ///
    /// - Parameter evidence: Without one, as the enclave made it.
    /// - Throws: ``EvidenceError`` for a quote that is none, or of another report.
    package static func evidence(_ evidence: [UInt8], addingQuote quote: [UInt8]) throws(EvidenceError) -> [UInt8] {
        let text = Base64URL.text(quote, isPadded: true)
        guard evidence.last == UInt8(ascii: "}") else {
            throw EvidenceError(.malformed, "the evidence is no JSON object")
        }
        let completed = evidence.dropLast() + Array(#","td_quote":"\#(text)"}"#.utf8)
        let parts = try AzureVerification.Parts(parsing: Array(completed))
        guard parts.isQuoteOfReport else {
            throw EvidenceError(.malformed, "the quote is not of the TDREPORT that was given")
        }
        return Array(completed)
    }
}
