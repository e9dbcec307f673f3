// SPDX-License-Identifier: Apache-2.0
package import Evidence

/// The platform that a quote claims: the parameters of requests for Intel's collateral.
///
/// It is read from unverified evidence. If it is false, collateral of another platform is fetched, and the checks of
/// the evidence then fail.
package struct IntelPlatform: Sendable, Hashable {
    /// Which of the two authorities issued the PCK certificate, as Intel's service names them.
    package enum Authority: String, Sendable, Hashable {
        case platform, processor
    }

    /// SGX or TDX.
    package let tee: TEEKind
    /// 6 bytes, 12 hexadecimal digits.
    package let fmspc: String
    /// Which authority issued the PCK certificate.
    package let authority: Authority

    /// - Parameters:
    ///   - evidence: A quote.
    ///   - pckChain: The PCK certificate with its chain, for quotes that do not have it.
    /// - Returns: `nil` if this is no quote with a PCK certificate: no collateral would make it acceptable.
    package init?(evidence: [UInt8], pckChain: [UInt8]? = nil) {
        // Azure's evidence has the quote inside.
        let bytes = (try? AzureEvidence(json: evidence))?.tdQuote ?? evidence
        guard let quote = try? IntelQuote(parsing: bytes) else { return nil }
        let text =
            quote.certificationKind == IntelQuote.pckChainKind
            ? quote.certificationData
            : pckChain.map { CollateralEncoding.plain($0, .pckCertificateChain) }
        guard let text, let certificates = try? PEM.certificates(text),
            let chain = try? IntelChain(pck: certificates), let pck = try? PCKExtension(chain.leaf)
        else { return nil }
        tee = quote.tee
        fmspc = pck.fmspc.hex
        authority = chain.certificates[1].commonName.contains("Processor") ? .processor : .platform
    }
}
