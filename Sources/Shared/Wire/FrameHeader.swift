// SPDX-License-Identifier: Apache-2.0
import Tensors

/// The 24-byte header of every payload.
///
/// Layout, little-endian: magic `INFW`, u16 version, u8 kind, u8 flags (0), u64 request identifier, u64 payload bytes.
package struct FrameHeader: Sendable, Hashable {
    package static let byteCount = 24
    package static let version: UInt16 = 3
    /// The versions that this build understands, offered in `hello`.
    package static let versions = version...version
    private static let magic = Array("INFW".utf8)

    /// Which message the payload holds.
    package let kind: UInt8
    /// Chosen by the host; the enclave's replies repeat it.
    package let requestID: UInt64
    package let payloadBytes: Int

    package init(kind: UInt8, requestID: UInt64, payloadBytes: Int) {
        self.kind = kind
        self.requestID = requestID
        self.payloadBytes = payloadBytes
    }

    /// - Throws: ``WireError``, after which the stream cannot be read any further.
    package init(decoding bytes: RawSpan) throws(WireError) {
        do throws(TensorError) {
            var reader = ByteReader(bytes)
            guard try reader.readBytes(4, "magic") == Self.magic else {
                throw TensorError(.malformed, "a frame does not begin with INFW")
            }
            let version: UInt16 = try reader.read("version")
            guard version == Self.version else {
                throw TensorError(
                    .malformed,
                    "frame version \(version), expected \(Self.version): use the host and the enclave of one build")
            }
            kind = try reader.read("kind")
            let flags: UInt8 = try reader.read("flags")
            guard flags == 0 else { throw TensorError(.malformed, "frame flags \(flags) are unknown") }
            requestID = try reader.read("request identifier")
            let claimed: UInt64 = try reader.read("payload length")
            try reader.finish()
            payloadBytes = Int(clamping: claimed)
        } catch { throw WireError(.malformed, error.message) }
    }

    func encode(into writer: inout ByteWriter) {
        writer.write(bytes: Self.magic)
        writer.write(Self.version)
        writer.write(kind)
        writer.write(UInt8(0))
        writer.write(requestID)
        writer.write(UInt64(payloadBytes))
    }
}
