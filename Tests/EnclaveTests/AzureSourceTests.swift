// SPDX-License-Identifier: Apache-2.0
import Attestation
import AttestationFixtures
import Crypto
import EnclaveCore
import EnclavePlatform
import Evidence
import Foundation
import Synchronization
import Testing

@Suite(
    "Evidence from Azure's TPM",
    .enabled(if: SoftwareTPM.isThere, "there is no \(SoftwareTPM.program); Debian's package swtpm has it"))
struct AzureSourceTests {
    private static let reportData = (0..<64).map { UInt8($0) }

    /// A machine whose TPM was provisioned over the hardware of a fixture.
    private func machine() throws -> (tpm: SoftwareTPM, fixture: AzureFixture<SNPFixture>) { try machine(.snp()) }

    private func machine<Hardware>(
        _ hardware: AzureFixture<Hardware>
    ) throws -> (tpm: SoftwareTPM, fixture: AzureFixture<Hardware>) {
        let tpm = try SoftwareTPM()
        let modulus = try tpm.makeKey(at: AzureSource.quoteKey)
        let fixture = hardware.with { $0.runtimeData = AzureKeys.runtimeData(modulus, [1, 0, 1]) }
        try tpm.store(try fixture.hclReport(), at: AzureSource.reportIndex)
        return (tpm, fixture)
    }

    private func verdict(_ evidence: [UInt8], _ fixture: some EvidenceFixture) throws -> Verdict {
        SavedEvidenceAppraiser(policy: nil).verdict(
            on: VerificationRequest(
                tee: fixture.tee, evidence: evidence, collateral: try fixture.collateral(), at: Period.now,
                roots: try fixture.roots()))
    }

    @Test("A software TPM's quote over the digest of the report data and the current PCRs is accepted")
    func accepted() throws {
        let (tpm, fixture) = try machine()
        try tpm.extend(register: 4, with: [UInt8](repeating: 7, count: 32))
        let source = try AzureSource(module: tpm)
        #expect(source.kind == .azureSNP)
        let evidence = try source.evidence(reportData: Self.reportData).evidence
        let verdict = try verdict(evidence, fixture)
        #expect(verdict.isAccepted, "\(verdict.summary)")
        #expect(verdict.claims.reportData == Array(SHA256.hash(data: Self.reportData)))
        let zero = [UInt8](repeating: 0, count: 32)
        let extended = Array(SHA256.hash(data: zero + [UInt8](repeating: 7, count: 32)))
        let registers = verdict.claims.measurements.filter { $0.name.hasPrefix("pcr") }
        #expect(registers.count == 24)
        #expect(registers.first { $0.name == "pcr4" }?.value == extended)
        #expect(registers.first { $0.name == "pcr9" }?.value == zero)
    }

    @Test("On a TDX machine the evidence lacks the hardware quote, and a verifier accepts it together with one")
    func domain() throws {
        let (tpm, fixture) = try machine(.tdx())
        let source = try AzureSource(.azureTDX, module: tpm)
        #expect(source.kind == .azureTDX)
        let evidence = try source.evidence(reportData: Self.reportData).evidence
        #expect(try !verdict(evidence, fixture).isAccepted)
        let report = try #require(AzureForm.reportWithoutQuote(in: evidence))
        #expect(report.count == 1024)
        let whole = try AzureForm.evidence(evidence, addingQuote: fixture.tdQuote())
        let verdict = try verdict(whole, fixture)
        #expect(verdict.isAccepted, "\(verdict.summary)")
        #expect(verdict.claims.reportData == Array(SHA256.hash(data: Self.reportData)))
        #expect(AzureForm.reportWithoutQuote(in: whole) == nil)
    }

    @Test("A machine of another kind than named is refused, and each kind is detected automatically")
    func kinds() throws {
        let (snp, tdx) = (try machine(.snp()).tpm, try machine(.tdx()).tpm)
        for (tpm, kind, other) in [(snp, TEEKind.azureSNP, TEEKind.azureTDX), (tdx, .azureTDX, .azureSNP)] {
            let error = #expect(throws: EvidenceSourceError.self) { try AzureSource(other, module: tpm) }
            #expect(error?.code == .absent && error?.message.contains(kind.rawValue) == true)
            #expect(try AzureSource(kind, module: tpm).kind == kind)
            #expect(try AzureSource(module: tpm).kind == kind)
        }
    }

    @Test("If a PCR changes between quote and reading, another quote is made")
    func race() throws {
        let (tpm, fixture) = try machine()
        let source = try AzureSource(module: tpm)
        let changes = Mutex(0)
        tpm.meanwhile.withLock {
            $0 = { command in
                // Before the registers are read for the first time.
                guard command[6..<10].elementsEqual([0, 0, 1, 0x7E]),
                    changes.withLock({
                        $0 += 1
                        return $0 == 1
                    })
                else {
                    return
                }
                try? tpm.extend(register: 11, with: [UInt8](repeating: 9, count: 32))
            }
        }
        let evidence = try source.evidence(reportData: Self.reportData).evidence
        #expect(try verdict(evidence, fixture).isAccepted)
        #expect(changes.withLock(\.self) == 6)
    }

    @Test("A machine without the report, or with one of another kind, gives an error that says so")
    func absent() throws {
        let tpm = try SoftwareTPM()
        #expect(throws: EvidenceSourceError.self) { try AzureSource(module: tpm) }
        try tpm.store([UInt8](repeating: 0, count: 1300), at: AzureSource.reportIndex)
        let error = #expect(throws: EvidenceSourceError.self) { try AzureSource(module: tpm) }
        #expect(error?.code == .absent)
        #expect(throws: EvidenceSourceError.self) { try AzureSource(module: TPMDevice(path: "/dev/null")) }
        #expect(throws: EvidenceSourceError.self) { try EvidenceSources.source(.azureTDX, developmentKey: nil) }
    }

    /// A device that answers what a test says.
    private struct Broken: TrustedPlatformModule {
        let response: [UInt8]
        func exchange(_ command: [UInt8]) throws(KernelError) -> [UInt8] { response }
    }

    @Test("Responses that are truncated, misstate their size or carry an error are refused")
    func broken() {
        let responses: [[UInt8]] = [
            [], [0x80, 0x01], [0x80, 0x01, 0, 0, 0, 10, 0, 0, 1, 0x8B], [0x80, 0x01, 0, 0, 0, 99, 0, 0, 0, 0],
            [0x80, 0x02, 0, 0, 0, 14, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF],
            [0x80, 0x01, 0, 0, 0, 12, 0, 0, 0, 0, 0xFF, 0xFF], [0x80, 0x01, 0, 0, 0, 10, 0, 0, 9, 0x22],
        ]
        for response in responses {
            #expect(throws: EvidenceSourceError.self, "\(response)") {
                try AzureSource(module: Broken(response: response))
            }
        }
    }
}
