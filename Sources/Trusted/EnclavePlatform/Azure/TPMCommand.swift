// SPDX-License-Identifier: Apache-2.0
/// The encoding of the TPM commands that evidence needs. Integers are big-endian.
///
/// - Source: TCG, Trusted Platform Module Library, part 3.
enum TPMCommand {
    static let registerCount = 24
    static let sha256: UInt16 = 0x000B
    private static let withoutSessions: UInt16 = 0x8001
    private static let withSessions: UInt16 = 0x8002
    private static let owner: UInt32 = 0x4000_0001
    /// `TPM_RS_PW` with an empty password, which both objects have.
    private static let emptyPassword: [UInt8] = bytes(UInt32(9)) + bytes(UInt32(0x4000_0009)) + [0, 0, 0, 0, 0]

    static func bytes(_ value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value.bigEndian) { Array($0) }
    }

    /// A byte string with a 16-bit length prefix.
    static func sized(_ content: [UInt8]) -> [UInt8] { bytes(UInt16(content.count)) + content }

    static func readPublic(index: UInt32) -> [UInt8] { command(0x169, withoutSessions, bytes(index)) }

    static func read(index: UInt32, offset: Int, count: Int) -> [UInt8] {
        command(
            0x14E, withSessions,
            bytes(owner) + bytes(index) + emptyPassword + bytes(UInt16(count)) + bytes(UInt16(offset)))
    }

    /// A quote of all registers of the SHA-256 bank, in the key's own scheme.
    static func quote(key: UInt32, over extraData: [UInt8]) -> [UInt8] {
        command(
            0x158, withSessions,
            bytes(key) + emptyPassword + sized(extraData) + bytes(UInt16(0x0010)) + selection([0xFF, 0xFF, 0xFF]))
    }

    /// The values of eight registers, which is the most that one response has.
    static func readRegisters(from first: Int) -> [UInt8] {
        var bits: [UInt8] = [0, 0, 0]
        bits[first / 8] = 0xFF
        return command(0x17E, withoutSessions, selection(bits))
    }

    private static func selection(_ bits: [UInt8]) -> [UInt8] {
        bytes(UInt32(1)) + bytes(sha256) + [UInt8(bits.count)] + bits
    }

    private static func command(_ code: UInt32, _ tag: UInt16, _ content: [UInt8]) -> [UInt8] {
        bytes(tag) + bytes(UInt32(10 + content.count)) + bytes(code) + content
    }
}
