// SPDX-License-Identifier: Apache-2.0
import Crypto
package import EnclaveCore
package import Evidence
import Glibc

/// Evidence of confidential machines of Azure: the paravisor's HCL report and a quote of its TPM, as JSON.
///
/// On TDX the hardware's quote of the report is missing. A service in Azure's network makes it, and the enclave opens no
/// connections: the host adds it. It needs no trust, since a verifier checks the quote and compares it with the report.
package struct AzureSource: EvidenceSource {
    /// The addresses of the paravisor's report and of its key for quotes in the TPM.
    package static let reportIndex: UInt32 = 0x0140_0001
    package static let quoteKey: UInt32 = 0x8100_0003
    /// The offset of the field, after header and report, with the kind of hardware.
    private static let kindOffset = 32 + 1184 + 8
    private static let kinds: [UInt8: TEEKind] = [2: .azureSNP, 4: .azureTDX]
    /// The number of bytes of an index that every TPM can return at a time.
    private static let chunkBytes = 512
    private static let maximumReportBytes = 16 << 10
    /// How often to try if the TPM asks to repeat a command, or a register changed between quote and reading.
    private static let attempts = 5

    private let module: any TrustedPlatformModule
    package let kind: TEEKind

    /// - Parameter expected: The kind that the machine has to be; `nil` for either.
    /// - Throws: ``EvidenceSourceError`` (absent) outside of a confidential machine of Azure, or on one of the other kind.
    package init(
        _ expected: TEEKind? = nil, module: any TrustedPlatformModule = TPMDevice()
    ) throws(EvidenceSourceError) {
        self.module = module
        let report: [UInt8]
        do throws(KernelError) { report = try Self.readReport(from: module) } catch {
            throw EvidenceSourceError(
                .absent,
                "/dev/tpmrm0 has no HCL report (errno \(error.number)): expected a confidential machine of Azure, as root"
            )
        }
        guard report.starts(with: "HCLA".utf8), report.count > Self.kindOffset,
            let kind = Self.kinds[report[Self.kindOffset]]
        else {
            throw EvidenceSourceError(
                .absent, "the TPM's report is not of a confidential machine of Azure with SEV-SNP or TDX")
        }
        guard expected == nil || expected == kind else {
            throw EvidenceSourceError(
                .absent, "this confidential machine of Azure is \(kind.rawValue), not \(expected?.rawValue ?? "")")
        }
        self.kind = kind
    }

    package func evidence(reportData: [UInt8]) throws(EvidenceSourceError) -> PlatformEvidence {
        do throws(KernelError) {
            let report = try Self.readReport(from: module)
            // A TPM signs at most as many extra bytes as its largest digest has.
            let extraData = Array(SHA256.hash(data: reportData))
            for _ in 0..<Self.attempts {
                let (message, signature) = try quote(over: extraData)
                let registers = try readRegisters()
                // The digest ends the quote.
                guard message.suffix(32).elementsEqual(SHA256.hash(data: registers.flatMap(\.self))) else { continue }
                return PlatformEvidence(evidence: Self.json(report, message, signature, registers))
            }
            throw KernelError(EAGAIN)
        } catch {
            throw EvidenceSourceError(.failed, "the TPM made no evidence: errno \(error.number)")
        }
    }

    private func exchange(_ command: [UInt8]) throws(KernelError) -> TPMResponse {
        try Self.exchange(command, with: module)
    }

    private static func exchange(
        _ command: [UInt8], with module: any TrustedPlatformModule
    ) throws(KernelError) -> TPMResponse {
        for _ in 0..<attempts {
            do throws(KernelError) { return try TPMResponse(module.exchange(command)) } catch {
                guard error.number == EAGAIN else { throw error }
            }
        }
        throw KernelError(EAGAIN)
    }

    private static func readReport(from module: any TrustedPlatformModule) throws(KernelError) -> [UInt8] {
        var response = try exchange(TPMCommand.readPublic(index: reportIndex), with: module)
        var area = try response.inner()
        // Index, algorithm, attributes, policy, then the size.
        _ = try area.take(4 + 2 + 4)
        _ = try area.sized()
        let size = try area.number(2)
        guard size <= maximumReportBytes else { throw KernelError(EFBIG) }
        var report: [UInt8] = []
        while report.count < size {
            let count = min(chunkBytes, size - report.count)
            var part = try exchange(
                TPMCommand.read(index: reportIndex, offset: report.count, count: count), with: module)
            let bytes = try part.sized()
            guard bytes.count == count else { throw KernelError(EPROTO) }
            report += bytes
        }
        return report
    }

    private func quote(over extraData: [UInt8]) throws(KernelError) -> (message: [UInt8], signature: [UInt8]) {
        var response = try exchange(TPMCommand.quote(key: Self.quoteKey, over: extraData))
        let message = try response.sized()
        // RSASSA with SHA-256, as Azure's key has it.
        guard try response.number(2) == 0x0014, try response.number(2) == Int(TPMCommand.sha256) else {
            throw KernelError(EPROTO)
        }
        return (message, try response.sized())
    }

    private func readRegisters() throws(KernelError) -> [[UInt8]] {
        var registers: [[UInt8]] = []
        while registers.count < TPMCommand.registerCount {
            var response = try exchange(TPMCommand.readRegisters(from: registers.count))
            // The counter of changes, and the selection again: its count, bank, length and bits.
            _ = try response.take(4 + 4 + 2 + 1 + 3)
            guard try response.number(4) == 8 else { throw KernelError(EPROTO) }
            for _ in 0..<8 {
                let value = try response.sized()
                guard value.count == 32 else { throw KernelError(EPROTO) }
                registers.append(value)
            }
        }
        return registers
    }

    private static func json(
        _ report: [UInt8], _ message: [UInt8], _ signature: [UInt8], _ registers: [[UInt8]]
    ) -> [UInt8] {
        let values = registers.map { "\"\($0.hex)\"" }.joined(separator: ",")
        return Array(
            (#"{"version":2,"hcl_report":""# + Base64URL.text(report) + #"","tpm_quote":{"message":""# + message.hex
                + #"","signature":""# + signature.hex + #"","pcrs":["# + values + "]}}").utf8)
    }
}
