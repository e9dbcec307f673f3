// SPDX-License-Identifier: Apache-2.0
package import EnclaveCore
package import Evidence

/// SGX quotes through Gramine's `/dev/attestation` (Gramine manual, "Attestation and Secret Provisioning"). The quote
/// is made when its file is opened, for the report data written last. Only the frame thread requests evidence, so no
/// other report data is written in between.
package struct GramineEvidence: EvidenceSource {
    private static let root = "/dev/attestation"
    private static let maximumQuoteBytes = 8192

    private let files: any KernelFiles

    /// - Throws: ``EvidenceSourceError`` (absent) unless this process runs under Gramine with DCAP attestation.
    package init(files: any KernelFiles = MachineFiles()) throws(EvidenceSourceError) {
        self.files = files
        let found: [UInt8]
        do throws(KernelError) {
            found = try files.read("\(Self.root)/attestation_type", limit: 64)
        } catch {
            throw EvidenceSourceError(
                .absent, "no \(Self.root)/attestation_type (errno \(error.number)): not in an SGX enclave under Gramine"
            )
        }
        let type = String(decoding: found, as: UTF8.self).trimmingNewline
        guard type == "dcap" else {
            throw EvidenceSourceError(
                .absent,
                "Gramine's attestation type is '\(type.prefix(16))', expected 'dcap': "
                    + "set sgx.remote_attestation = \"dcap\" in the manifest")
        }
    }

    package var kind: TEEKind { .sgx }

    package func evidence(reportData: [UInt8]) throws(EvidenceSourceError) -> PlatformEvidence {
        do throws(KernelError) {
            try files.write(reportData, to: "\(Self.root)/user_report_data")
            let quote = try files.read("\(Self.root)/quote", limit: Self.maximumQuoteBytes)
            guard !quote.isEmpty else { throw .noEntry }
            return PlatformEvidence(evidence: quote)
        } catch { throw EvidenceSourceError(.failed, "Gramine made no quote: errno \(error.number)") }
    }
}

extension String {
    /// Without the newline that kernel attributes end in.
    var trimmingNewline: String { hasSuffix("\n") ? String(dropLast()) : self }
}
