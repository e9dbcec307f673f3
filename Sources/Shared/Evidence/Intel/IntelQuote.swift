// SPDX-License-Identifier: Apache-2.0
import Tensors

/// An SGX or TDX quote of version 3, 4 or 5, parsed but not verified.
///
/// - Source: Intel SGX ECDSA QuoteLib Reference; Intel TDX DCAP Quoting Library API, appendix.
package struct IntelQuote: Sendable, Hashable {
    package enum Body: Sendable, Hashable {
        case sgx(SGXReport)
        case tdx(TDReport)
    }

    /// The kind of ``certificationData`` that is a chain of PCK certificates.
    package static let pckChainKind: UInt16 = 5
    /// The vendor identifier of Intel's quoting enclaves, the only one in use.
    static let vendor: [UInt8] = [
        0x93, 0x9A, 0x72, 0x33, 0xF7, 0x9C, 0x4C, 0xA9, 0x94, 0x0A, 0x0D, 0xB3, 0x95, 0x7F, 0x06, 0x07,
    ]
    private static let tdxType: UInt32 = 0x81
    /// Real quotes have about 5 KB; the limit leaves room for longer chains of certificates.
    private static let maximumSignatureBytes = 60_000

    package let version: UInt16
    package let body: Body
    /// Header, body descriptor and body: the bytes that the attestation key signed.
    package let signedBytes: [UInt8]
    /// R and S, big-endian, 64 bytes.
    package let signature: [UInt8]
    /// X and Y of a P-256 key, 64 bytes.
    package let attestationKey: [UInt8]
    package let qeReport: SGXReport
    /// Over ``qeReport`` with the PCK key; R and S, 64 bytes.
    package let qeReportSignature: [UInt8]
    package let qeAuthenticationData: [UInt8]
    /// 1 to 3 name a platform, 4 is a certificate, 5 a chain of certificates as PEM text.
    package let certificationKind: UInt16
    package let certificationData: [UInt8]
    /// Number of bytes after the quote. They are not signed and not read: clouds return quotes in padded buffers.
    package let trailingByteCount: Int

    package var tee: TEEKind {
        switch body {
        case .sgx: .sgx
        case .tdx: .tdx
        }
    }

    /// - Throws: ``EvidenceError`` when the bytes do not start with exactly one quote.
    package init(parsing bytes: [UInt8]) throws(EvidenceError) {
        do throws(TensorError) {
            var reader = ByteReader(bytes.span.bytes)
            let version = try reader.read(UInt16.self, "the quote's version")
            let keyType = try reader.read(UInt16.self, "the quote's key type")
            let teeType = try reader.read(UInt32.self, "the quote's TEE type")
            _ = try reader.readBytes(4, "the quote's SVNs")
            let vendor = try reader.readBytes(16, "the QE's vendor")
            _ = try reader.readBytes(20, "the quote's user data")
            try Self.check(version, keyType, teeType, vendor)
            let body = try Self.body(version, teeType, &reader)
            let signed = reader.offset

            let signatureBytes = try Self.block(&reader, "the quote's signature data")
            var signatureReader = ByteReader(signatureBytes.span.bytes)
            self.signature = try signatureReader.readBytes(64, "the quote's signature")
            self.attestationKey = try signatureReader.readBytes(64, "the attestation key")
            let certification = try Self.certification(version, &signatureReader)
            try signatureReader.finish()
            var inner = ByteReader(certification.span.bytes)
            let qeReport = try inner.readBytes(SGXReport.byteCount, "the QE report")
            self.qeReportSignature = try inner.readBytes(64, "the QE report's signature")
            let authenticationByteCount = Int(try inner.read(UInt16.self, "the length of the QE's data"))
            self.qeAuthenticationData = try inner.readBytes(authenticationByteCount, "the QE's data")
            self.certificationKind = try inner.read(UInt16.self, "the certification kind")
            self.certificationData = try Self.block(&inner, "the certification data")
            try inner.finish()

            self.qeReport = try Self.asTensorError { () throws(EvidenceError) in try SGXReport(qeReport) }
            self.version = version
            self.body = body
            self.signedBytes = Array(bytes[..<signed])
            self.trailingByteCount = reader.remaining
        } catch {
            throw EvidenceError(error.code == .mismatch ? .unsupported : .malformed, error.message)
        }
    }

    /// Checks the header's fields. Unknown values are thrown as `mismatch`, which becomes `unsupported`.
    private static func check(
        _ version: UInt16, _ keyType: UInt16, _ teeType: UInt32, _ vendor: [UInt8]
    ) throws(TensorError) {
        guard (3...5).contains(version) else {
            throw TensorError(.mismatch, "the quote has version \(version); expected 3, 4 or 5")
        }
        guard keyType == 2 else {
            throw TensorError(.mismatch, "the quote has key type \(keyType); expected 2, ECDSA P-256")
        }
        guard vendor == Self.vendor else {
            throw TensorError(.mismatch, "the quote is of QE vendor \(vendor.hex); expected Intel")
        }
        guard teeType == 0 || (version > 3 && teeType == tdxType) else {
            throw TensorError(.mismatch, "the quote has TEE type \(teeType); expected 0 (SGX) or 129 (TDX)")
        }
    }

    @_lifetime(reader: copy reader)
    private static func body(
        _ version: UInt16, _ teeType: UInt32, _ reader: inout ByteReader
    ) throws(TensorError) -> Body {
        // 1 is an SGX report, 2 to 4 are TD reports.
        var kind: UInt16 = teeType == tdxType ? 2 : 1
        var claimed: UInt32?
        if version == 5 {
            kind = try reader.read(UInt16.self, "the body's type")
            claimed = try reader.read(UInt32.self, "the body's size")
        }
        let tdVersion: TDReport.Version?
        switch kind {
        case 1: tdVersion = nil
        case 2: tdVersion = .v10
        case 3: tdVersion = .v15
        case 4: tdVersion = .v15Extended
        default: throw TensorError(.mismatch, "the quote has body type \(kind); expected 1 to 4")
        }
        guard (tdVersion != nil) == (teeType == tdxType) else {
            throw TensorError(.malformed, "the quote's body type \(kind) does not fit its TEE type \(teeType)")
        }
        let count = tdVersion?.byteCount ?? SGXReport.byteCount
        guard claimed == nil || claimed == UInt32(count) else {
            throw TensorError(.malformed, "the quote's body claims \(claimed ?? 0) bytes; expected \(count)")
        }
        let bytes = try reader.readBytes(count, "the quote's body")
        return try asTensorError { () throws(EvidenceError) in
            if let tdVersion { .tdx(try TDReport(bytes, tdVersion)) } else { .sgx(try SGXReport(bytes)) }
        }
    }

    /// From the QE report on; versions 4 and 5 have one more envelope around it.
    @_lifetime(reader: copy reader)
    private static func certification(
        _ version: UInt16, _ reader: inout ByteReader
    ) throws(TensorError) -> [UInt8] {
        if version == 3 { return try reader.readBytes(reader.remaining, "the certification") }
        let kind = try reader.read(UInt16.self, "the outer certification kind")
        guard kind == 6 else {
            throw TensorError(.malformed, "the quote's outer certification data has kind \(kind); expected 6")
        }
        return try block(&reader, "the QE's certification data")
    }

    /// Bytes with a 32-bit length prefix.
    @_lifetime(reader: copy reader)
    private static func block(_ reader: inout ByteReader, _ what: StaticString) throws(TensorError) -> [UInt8] {
        let count = try reader.read(UInt32.self, what)
        guard count <= maximumSignatureBytes else {
            throw TensorError(.malformed, "\(what) claims \(count) bytes; expected at most \(maximumSignatureBytes)")
        }
        return try reader.readBytes(Int(count), what)
    }

    private static func asTensorError<Result>(
        _ body: () throws(EvidenceError) -> Result
    ) throws(TensorError) -> Result {
        do throws(EvidenceError) { return try body() } catch { throw TensorError(.malformed, error.message) }
    }
}
