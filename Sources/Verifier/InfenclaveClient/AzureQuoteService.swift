// SPDX-License-Identifier: Apache-2.0
import Attestation
import Evidence
import Foundation

/// The service in the network of Azure's machines that makes the hardware's quote of a TDREPORT. An enclave on such a
/// machine opens no connections: the host, which forwards its evidence, adds the quote. The service is not trusted,
/// since a verifier checks the quote and compares it with the report.
///
/// - Source: kinvolk/azure-cvm-tooling, az-tdx-vtpm: `POST {"report": base64url}`, answered with `{"quote": base64url}`.
package actor AzureQuoteService {
    /// An address that each machine of Azure reaches without a proxy (Azure Instance Metadata Service).
    package static let standardURL = "http://169.254.169.254/acc/tdquote"
    /// A quote has some 5 KB.
    private static let maximumBytes = 128 << 10
    private static let timeout: Duration = .seconds(20)

    private struct Question: Encodable { let report: String }
    private struct Answer: Decodable { let quote: String }

    private let url: String
    private let transport: any ClientTransport
    /// A machine's report does not change until it restarts, and the service limits the number of requests; so the
    /// quote is kept.
    private var last: (report: [UInt8], quote: [UInt8])?

    package init(url: String = AzureQuoteService.standardURL, transport: any ClientTransport = CurlTransport()) {
        (self.url, self.transport) = (url, transport)
    }

    /// Adds the quote to an enclave's evidence of `az-tdx`.
    ///
    /// - Returns: Other evidence as it is.
    /// - Throws: ``ClientError``: `.unreachable`, `.invalidResponse`; `CancellationError`.
    package func complete(_ evidence: [UInt8]) async throws -> [UInt8] {
        guard let report = AzureForm.reportWithoutQuote(in: evidence) else { return evidence }
        if let last, last.report == report, let whole = try? AzureForm.evidence(evidence, addingQuote: last.quote) {
            return whole
        }
        let quote = try await quote(of: report)
        do throws(EvidenceError) {
            let whole = try AzureForm.evidence(evidence, addingQuote: quote)
            last = (report, quote)
            return whole
        } catch { throw invalid(error.message) }
    }

    private func quote(of report: [UInt8]) async throws -> [UInt8] {
        let question = Question(report: Base64URL.text(report, isPadded: false))
        let response: TransportResponse
        do {
            response = try await transport.send(
                TransportRequest(
                    url: url,
                    body: .init(bytes: Array(try JSONEncoder().encode(question)), contentType: "application/json"),
                    maximumResponseBytes: Self.maximumBytes, idleTimeout: Self.timeout, deadline: Self.timeout))
        } catch let error as TransportError {
            throw ClientError(
                .unreachable, "the quote service \(url): \(error.message)",
                remedy: "az-tdx is served on a confidential machine of Azure with TDX, which reaches this address",
                isRetryable: true)
        }
        guard response.status == 200 else { throw invalid("status \(response.status)") }
        guard let answer = try? JSONDecoder().decode(Answer.self, from: Data(response.body)),
            let quote = Base64URL.bytes(answer.quote)
        else { throw invalid("no quote") }
        return quote
    }

    private func invalid(_ what: String) -> ClientError {
        ClientError(
            .invalidResponse, "the quote service \(url) answered with \(what)",
            remedy: "try again, or restart the machine",
            isRetryable: true)
    }
}
