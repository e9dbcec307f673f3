// SPDX-License-Identifier: Apache-2.0
import Evidence

/// Encodings and containers of evidence that the verifier does not read, each with the way to extract the evidence.
enum OtherEvidenceForm {
    /// - Returns: The form with the command to use; `nil` for bytes that may be evidence.
    static func name(of evidence: [UInt8], for tee: TEEKind) -> String? {
        switch EncodedText.kind(of: evidence) {
        case .hexadecimal?:
            return "hexadecimal text; decode it with `sed s/^0x// FILE | xxd -r -p > evidence.bin`"
        case .base64?:
            return "base64 text; decode it with `tr -- -_ +/ < FILE | base64 -d > evidence.bin`"
        case nil: break
        }
        if evidence.starts(with: "HCLA".utf8) {
            return "the HCL report of an Azure virtual machine (TPM NV index 0x01400001), in which the hardware's "
                + "report is wrapped; give it with the TPM's quote as az-snp or az-tdx"
        }
        if !tee.isAzure, evidence.first == UInt8(ascii: "{"), evidence.allSatisfy({ $0 < 0x80 }) {
            return
                "JSON text; give the quote, report or document that is in it, decoded to bytes; Azure's JSON is of az-snp or az-tdx"
        }
        return nil
    }
}
