// SPDX-License-Identifier: Apache-2.0
import Tensors

/// The 40 bytes that begin a connection over a stream that may still hold bytes of an earlier one.
///
/// Layout, little-endian: `INFENCLAVE EPOCH` (16 bytes) ‖ u16 version = 1 ‖ u8 kind (1 opening, 2 answer) ‖ 5 zero bytes ‖ 16
/// random bytes, the epoch.
package struct EpochMarker: Sendable, Hashable {
    package enum Kind: UInt8, Sendable {
        /// The enclave begins a connection.
        case opening = 1
        /// The host has joined the connection.
        case answer = 2
    }

    package static let byteCount = 40
    package static let epochByteCount = 16
    package static let version: UInt16 = 1
    static let magic = Array("INFENCLAVE EPOCH".utf8)

    package let kind: Kind
    /// Chosen by the enclave for one connection; the answer repeats it. It is no secret and is not the epoch of evidence.
    package let epoch: [UInt8]

    package init(_ kind: Kind, epoch: [UInt8]) {
        self.kind = kind
        self.epoch = epoch
    }

    /// `nil` for bytes that are no marker of this version.
    init?(decoding bytes: RawSpan) {
        var reader = ByteReader(bytes)
        guard (try? reader.readBytes(Self.magic.count, "magic")) == Self.magic,
            (try? reader.read(UInt16.self, "version")) == Self.version,
            let kind = (try? reader.read(UInt8.self, "kind")).flatMap(Kind.init),
            (try? reader.readBytes(5, "zeros")) == [0, 0, 0, 0, 0],
            let epoch = try? reader.readBytes(Self.epochByteCount, "epoch"), reader.remaining == 0
        else { return nil }
        self.init(kind, epoch: epoch)
    }

    package var bytes: [UInt8] {
        var writer = ByteWriter()
        writer.write(bytes: Self.magic)
        writer.write(Self.version)
        writer.write(kind.rawValue)
        writer.write(bytes: [0, 0, 0, 0, 0])
        writer.write(bytes: epoch)
        return writer.bytes
    }
}
