// SPDX-License-Identifier: Apache-2.0
package import EnclaveCore
package import Evidence

/// Attestation documents of AWS Nitro enclaves. The report data is their `user_data`.
package struct NitroEvidence: EvidenceSource {
    /// The buffer size for an answer, as in the module's own library.
    private static let maximumAnswerBytes = 0x3000

    private let module: any NitroSecurityModule

    /// - Throws: ``EvidenceSourceError`` (absent) outside of a Nitro enclave.
    package init(module: any NitroSecurityModule = NitroDevice()) throws(EvidenceSourceError) {
        self.module = module
        do throws(KernelError) {
            // The shortest request: any answer shows that the module exists.
            _ = try module.exchange([0x6B] + Array("DescribeNSM".utf8), limit: Self.maximumAnswerBytes)
        } catch {
            throw EvidenceSourceError(
                .absent, "/dev/nsm does not answer (errno \(error.number)): not in an AWS Nitro enclave")
        }
    }

    package var kind: TEEKind { .nitro }

    package func evidence(reportData: [UInt8]) throws(EvidenceSourceError) -> PlatformEvidence {
        guard reportData.count == ReportTranscript.reportDataByteCount else {
            throw EvidenceSourceError(.failed, "report data has \(reportData.count) bytes, expected 64")
        }
        let answer: [UInt8]
        do throws(KernelError) {
            answer = try module.exchange(
                NitroExchange.attestationRequest(userData: reportData), limit: Self.maximumAnswerBytes)
        } catch { throw EvidenceSourceError(.failed, "the Nitro security module failed: errno \(error.number)") }
        guard let document = NitroExchange.document(in: answer) else {
            throw EvidenceSourceError(.failed, "the Nitro security module gave no attestation document")
        }
        return PlatformEvidence(evidence: document)
    }
}
