// SPDX-License-Identifier: Apache-2.0
import Attestation
import AttestationFixtures
import Evidence

// Azure evidence with one fault below the hardware's report.

extension SingleFaultTests {
    static let logs: [SingleFault] = [EventLogFixture.bytes([]), [1]].map { log in
        SingleFault(.eventLog, log.count == 1 ? .malformed : .eventLogMismatch, "an event log of another boot") {
            let fixture = IntelFixture.tdx()
            var input = try AppraisalInput(fixture)
            input.collateral[.eventLog] = log
            return input
        }
    }

    static let azure: [SingleFault] =
        [
            SingleFault(.evidenceFormat, .malformed, AzureFixture.snp()) { $0.runtimeData = "{\"keys\":[]}" },
            SingleFault(.evidenceFormat, .malformed, AzureFixture.snp()) {
                $0.runtimeData = AzureKeys.runtimeData(AzureKeys.attestation, name: "HCLEkPub")
            },
            SingleFault(.evidenceFormat, .malformed, AzureFixture.tdx()) { $0.header[0] = 0x49 },
            SingleFault(.evidenceFormat, .unsupportedFormat, AzureFixture.snp()) { $0.header[4] = 3 },
            SingleFault(.evidenceFormat, .malformed, AzureFixture.snp()) { $0.stated = $0.registers.dropLast() },
            SingleFault(.teeKind, .wrongTEE, "az-snp taken for az-tdx") {
                var input = try AppraisalInput(AzureFixture.snp(), as: .azureTDX)
                input.policy = nil
                return input
            },
            // The hardware's own checks are made as for evidence that comes alone.
            SingleFault(.reportSignature, .reportSignatureInvalid, AzureFixture.snp()) {
                $0.hardware.reportSigner = SNPFixture.keys.stranger
            },
            SingleFault(.quoteSignature, .quoteSignatureInvalid, AzureFixture.tdx()) {
                $0.hardware.quoteSigner = IntelFixture.keys.stranger
            },
            // A guest below the paravisor can ask for a report of its own level over any key.
            SingleFault(.vmpl, .vmplNotAllowed, AzureFixture.snp(), policy: ["maximumVMPL": "3"]) {
                $0.hardware.report.put([1], at: 0x30)
            },
            SingleFault(.debug, .debugEnabled, AzureFixture.snp()) { $0.hardware.report.put([0x0B], at: 0x0A) },
            // Another key in the runtime data than the hardware vouches for, with quotes signed by it.
            SingleFault(.runtimeData, .runtimeDataMismatch, AzureFixture.snp()) {
                $0.reported = Array($0.runtimeData.utf8)
                $0.runtimeData = AzureKeys.runtimeData(AzureKeys.stranger)
                $0.quoteSigner = AzureKeys.stranger
            },
            SingleFault(.runtimeData, .runtimeDataMismatch, AzureFixture.tdx()) {
                $0.reported = Array($0.runtimeData.utf8)
                $0.runtimeData += " "
            },
            // Nothing of them is read before.
            SingleFault(.runtimeData, .runtimeDataMismatch, AzureFixture.snp()) {
                $0.reported = Array($0.runtimeData.utf8)
                $0.runtimeData = "{"
            },
            SingleFault(.hclReport, .hclReportMismatch, AzureFixture.tdx()) {
                // RTMR3, the last of the fields that both have.
                $0.domain = [UInt8](repeating: 0, count: 399) + [1]
            },
            SingleFault(.tpmQuoteSignature, .tpmQuoteSignatureInvalid, AzureFixture.snp()) {
                $0.quoteSigner = AzureKeys.stranger
            },
            SingleFault(.tpmQuoteSignature, .tpmQuoteSignatureInvalid, AzureFixture.tdx()) {
                $0.quoteSigner = AzureKeys.stranger
            },
            SingleFault(.tpmRegisters, .tpmRegistersMismatch, AzureFixture.snp()) {
                $0.stated = $0.registers
                $0.stated?[4][0] ^= 1
            },
            SingleFault(.measurements, .measurementMismatch, AzureFixture.tdx(), policy: azurePins(4, 9)) {
                $0.registers[9][0] ^= 1
            },
            // A PCR that the quote does not cover is not a measurement, whatever value the evidence gives.
            SingleFault(.measurements, .measurementMismatch, AzureFixture.snp()) { $0.selection = [0xFF, 0xFD, 0xFF] },
            SingleFault(
                .measurements, .measurementNotPinned, peer: AzureFixture.snp(),
                policy: { $0["measurements"] = #"{"measurement":["\#([UInt8](repeating: 0xB1, count: 48).hex)"]}"# }),
        ] + unpinned + [
            SingleFault(.nonce, .nonceMismatch, peer: AzureFixture.snp(), nonce: [UInt8](repeating: 8, count: 32)),
            SingleFault(.reportData, .reportDataMismatch, peer: AzureFixture.tdx()) {
                try $0.document().changed(epoch: [UInt8](repeating: 9, count: 16))
            },
        ]

    /// Some code is measured into only one of these PCRs, so each needs a nonzero reference value.
    /// Command lines may be empty, and their registers zero.
    private static let unpinned: [SingleFault] = [2, 4, 7, 8, 9, 12].flatMap { register in
        let pin = "\"pcr\(register)\":[\"" + [UInt8](repeating: UInt8(register), count: 32).hex + "\"]"
        let missing = [
            SingleFault(
                .measurements, .measurementNotPinned, peer: AzureFixture.snp(),
                policy: { $0["measurements"] = $0["measurements"]?.replacing("," + pin, with: "") }),
            SingleFault(
                .measurements, .measurementNotPinned, peer: AzureFixture.tdx(),
                policy: { $0["measurements"] = $0["measurements"]?.replacing("," + pin, with: "") }),
        ]
        guard register != 8, register != 12 else { return missing }
        return missing + [
            SingleFault(
                .measurements, .measurementNotPinned,
                peer: AzureFixture.tdx().with { $0.registers[register] = [UInt8](repeating: 0, count: 32) })
        ]
    }

    /// Reference values for the fixture's PCRs.
    private static func azurePins(_ registers: Int...) -> [String: String] {
        let pins = registers.map { "\"pcr\($0)\":[\"\([UInt8](repeating: UInt8($0), count: 32).hex)\"]" }
        return ["measurements": "{\(pins.joined(separator: ","))}"]
    }
}
