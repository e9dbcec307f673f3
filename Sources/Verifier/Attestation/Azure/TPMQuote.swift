// SPDX-License-Identifier: Apache-2.0
import Evidence

/// The structure that a TPM signs over its registers (`TPMS_ATTEST` of the kind quote), parsed but not verified.
/// Integers are big-endian.
///
/// - Source: TCG, Trusted Platform Module Library, part 2, section 10.12.
struct TPMQuote: Sendable, Hashable {
    private static let magic: [UInt8] = [0xFF, 0x54, 0x43, 0x47]
    private static let quoteKind = 0x8018
    private static let sha256 = 0x000B

    /// Data of the caller that the signature covers, at most 64 bytes.
    let extraData: [UInt8]
    /// Numbers of the registers of the SHA-256 bank that ``digest`` is over, in order.
    let registers: [Int]
    /// SHA-256 over the registers' values.
    let digest: [UInt8]

    /// - Throws: ``EvidenceError`` (malformed, unsupported) when the bytes are not exactly one quote.
    init(parsing bytes: [UInt8]) throws(EvidenceError) {
        var rest = bytes[...]
        func take(_ count: Int, _ what: String) throws(EvidenceError) -> ArraySlice<UInt8> {
            guard count <= rest.count else {
                throw EvidenceError(.malformed, "the TPM's quote ends before \(what)")
            }
            defer { rest = rest.dropFirst(count) }
            return rest.prefix(count)
        }
        func number(_ count: Int, _ what: String) throws(EvidenceError) -> Int {
            try take(count, what).reduce(0) { $0 << 8 | Int($1) }
        }
        func sized(_ what: String) throws(EvidenceError) -> [UInt8] { Array(try take(number(2, what), what)) }

        guard try take(4, "its magic number").elementsEqual(Self.magic), try number(2, "its kind") == Self.quoteKind
        else {
            throw EvidenceError(.unsupported, "the TPM's statement is no quote made by a TPM")
        }
        _ = try sized("its signer")
        extraData = try sized("its extra data")
        // Clock, resets, restarts, whether the clock is safe, the firmware's version.
        _ = try take(8 + 4 + 4 + 1 + 8, "its clock")
        guard try number(4, "its selections") == 1, try number(2, "its bank") == Self.sha256,
            try number(1, "its bank") == 3
        else { throw EvidenceError(.unsupported, "the TPM's quote is not of 24 registers of the SHA-256 bank") }
        let bits = Array(try take(3, "its registers"))
        registers = (0..<24).filter { bits[$0 / 8] >> UInt8($0 % 8) & 1 != 0 }
        digest = try sized("its digest")
        guard digest.count == 32, rest.isEmpty else {
            throw EvidenceError(.malformed, "the TPM's quote has a digest of \(digest.count) bytes, or bytes behind it")
        }
    }
}
