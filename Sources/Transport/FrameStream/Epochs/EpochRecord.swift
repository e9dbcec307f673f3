// SPDX-License-Identifier: Apache-2.0
import Tensors

/// A run of a connection's bytes: `INFR` ‖ u32 how many bytes of payload ‖ the first 8 bytes of the epoch ‖ payload ‖
/// `RFNI`. It has at most 16 KiB, so that 16 KiB of zeros end any unfinished record. The trailer shows that the record
/// was not completed by those zeros.
package enum EpochRecord {
    package static let headerByteCount = 16
    package static let maximumByteCount = DescriptorStream.deviceWriteBytes
    static let end = Array("RFNI".utf8)
    static let maximumPayload = maximumByteCount - headerByteCount - end.count
    private static let magic = Array("INFR".utf8)
    private static let tagByteCount = 8

    static func header(payloadBytes: Int, epoch: [UInt8]) -> [UInt8] {
        var writer = ByteWriter()
        writer.write(bytes: magic)
        writer.write(UInt32(payloadBytes))
        writer.write(bytes: epoch.prefix(tagByteCount))
        return writer.bytes
    }

    /// - Returns: The number of bytes that follow; `nil` if this is no header of a record in this epoch.
    static func payloadBytes(inHeader bytes: RawSpan, epoch: [UInt8]) -> Int? {
        var reader = ByteReader(bytes)
        guard (try? reader.readBytes(magic.count, "magic")) == magic,
            let count = try? reader.read(UInt32.self, "length"), (1...maximumPayload).contains(Int(count)),
            (try? reader.readBytes(tagByteCount, "epoch")) == Array(epoch.prefix(tagByteCount))
        else { return nil }
        return Int(count)
    }
}
