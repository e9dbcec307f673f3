// SPDX-License-Identifier: Apache-2.0
package import EnclaveCore
package import Evidence
import Glibc

/// TDX quotes and SEV-SNP reports through Linux's configfs-tsm (Linux 6.7 or later).
package struct ConfigfsEvidence: EvidenceSource {
    /// Number of attempts if the kernel is busy or another process interferes.
    private static let attempts = 5
    /// A TDX quote over this size must begin as one, because newer kernels give other formats there.
    private static let quoteBytes = 8192

    package let kind: TEEKind
    private let files: any KernelFiles

    /// - Parameter kind: `tdx` or `snp`.
    /// - Throws: ``EvidenceSourceError`` (absent) unless this machine is a guest of that kind.
    package init(_ kind: TEEKind, files: any KernelFiles = MachineFiles()) throws(EvidenceSourceError) {
        guard let expected = Self.providers[kind] else {
            throw EvidenceSourceError(.absent, "configfs-tsm gives no evidence for \(kind.rawValue)")
        }
        self.kind = kind
        self.files = files
        let provider: String
        do throws(KernelError) {
            provider = try Self.entry(files).provider()
        } catch {
            throw EvidenceSourceError(
                .absent,
                "\(ReportEntry.root) gives no reports (errno \(error.number)): expected a guest of kind "
                    + "\(kind.rawValue) with Linux 6.7 or later, configfs mounted, as root")
        }
        guard provider == expected else {
            throw EvidenceSourceError(
                .absent, "the provider of reports is '\(provider.prefix(32))', expected '\(expected)'")
        }
    }

    private static let providers: [TEEKind: String] = [.tdx: "tdx_guest", .snp: "sev_guest"]

    package func evidence(reportData: [UInt8]) throws(EvidenceSourceError) -> PlatformEvidence {
        var last: Int32 = 0
        for _ in 0..<Self.attempts {
            do throws(KernelError) {
                guard let report = try Self.entry(files).report(over: reportData) else { continue }
                return try platformEvidence(report.outblob, report.auxblob)
            } catch {
                last = error.number
                guard [EBUSY, EINTR, ETIMEDOUT, EAGAIN].contains(last) else { break }
            }
        }
        throw EvidenceSourceError(.failed, "configfs-tsm made no report: errno \(last)")
    }

    private func platformEvidence(_ outblob: [UInt8], _ auxblob: [UInt8]) throws(KernelError) -> PlatformEvidence {
        guard !outblob.isEmpty else { throw KernelError(EIO) }
        switch kind {
        case .snp: return PlatformEvidence(evidence: outblob, collateral: Self.certificates(auxblob))
        default:
            let version = UInt16(outblob[0]) | UInt16(outblob.count > 1 ? outblob[1] : 0) << 8
            guard outblob.count <= Self.quoteBytes || (3...5).contains(version) else { throw KernelError(EPROTO) }
            return PlatformEvidence(evidence: outblob)
        }
    }

    /// The certificates of the host's table. They prove nothing by themselves: whoever appraises the evidence verifies
    /// them. A client may have its own, so a malformed table is ignored.
    private static func certificates(_ table: [UInt8]) -> [CollateralRole: [UInt8]] {
        do throws(EvidenceError) { return try CertificateTable(parsing: table).collateral } catch { return [:] }
    }

    private static func entry(_ files: any KernelFiles) throws(KernelError) -> ReportEntry {
        var generator = SystemRandomNumberGenerator()
        let suffix = String(generator.next() as UInt64, radix: 36)
        return try ReportEntry(name: "infenclave-\(suffix)", files: files)
    }
}
