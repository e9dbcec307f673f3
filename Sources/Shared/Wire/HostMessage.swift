// SPDX-License-Identifier: Apache-2.0
package import Tensors

/// A part of the bundle that the host sends to the enclave.
package enum SealedPartName: UInt8, Sendable, CaseIterable {
    case frontNet = 1
    case mappingUnit = 2
    /// `backnet.graph`, for an audit; it is not sealed.
    case backNet = 3
}

/// Messages from the host to the enclave. Each is answered by one ``EnclaveMessage`` with the same request identifier;
/// an inference is answered by an `intermediate` first unless everything is inside. Answers to inferences and BackNet
/// results arrive in any order. A host keeps at most as many inferences unanswered as the enclave has credits.
package enum HostMessage: WireMessage {
    /// The first message: the versions of frames that the host understands. Answered by `hello` with one of them.
    case hello(versions: ClosedRange<UInt16>)
    /// The manifest core of the bundle and its 64-byte signature, sent before any part. Answered by `accepted`.
    case loadManifest(core: [UInt8], signature: [UInt8])
    /// Bytes of a part from `offset`, in order, at most ``FrameLimits/partChunkBytes`` at a time. Answered by
    /// `accepted`.
    case loadPart(SealedPartName, totalBytes: UInt64, offset: UInt64, bytes: [UInt8])
    /// Asks for evidence over a fresh nonce of 16 to 64 bytes. Answered by `evidence`.
    case evidence(nonce: [UInt8])
    /// The owner's encrypted message. Answered by `provisioned`, or by `refused(.bundleMissing)` if a part is missing:
    /// after a lease, or the BackNet for an audit.
    case provision(ciphertext: [UInt8])
    /// A client's `message/ohttp-req`. Answered by `intermediate`, or by `answer` if everything is inside or the
    /// encrypted answer is a refusal.
    case infer(message: [UInt8])
    /// The BackNet's outputs for an `intermediate`. Answered by `answer`.
    case backNetResult([Tensor])
    /// The BackNet could not run. Answered by `answer`, an encrypted refusal.
    case backNetFailure
    /// Drops a request in flight, in computation or waiting for the BackNet. Answered by `refused(.cancelled)` with its
    /// identifier, after which no other answer follows, or by `refused(.unknownRequest)`.
    case cancel
    /// Answered by `status`.
    case status
    /// Ends the enclave process after `accepted`.
    case shutdown
    /// The identifiers that the enclave must give to its channel keys, sent before the manifest. Answered by
    /// `accepted`; an enclave of an older build answers `refused(.malformed)`.
    case keySlot(KeySlot)

    package var kind: UInt8 {
        switch self {
        case .hello: 1
        case .loadManifest: 2
        case .loadPart: 3
        case .evidence: 4
        case .provision: 5
        case .infer: 6
        case .backNetResult: 7
        case .backNetFailure: 8
        case .cancel: 9
        case .status: 10
        case .shutdown: 11
        case .keySlot: 12
        }
    }

    package static func maximumPayloadBytes(kind: UInt8, limits: FrameLimits) -> Int? {
        switch kind {
        case 1: 4
        case 2: min((1 << 16) + 4 + 64, limits.messageBytes)
        case 3: min(FrameLimits.partChunkBytes + 64, limits.messageBytes)
        case 4: 64 + 4
        case 5, 6: limits.messageBytes
        case 7: limits.tensorBytes
        case 8...11: 0
        case 12: 1
        default: nil
        }
    }

    package init(kind: UInt8, reader: inout ByteReader, payload: TensorStorage) throws(TensorError) {
        switch kind {
        case 1:
            let (oldest, newest): (UInt16, UInt16) = (try reader.read("oldest version"), try reader.read("version"))
            guard oldest <= newest else { throw TensorError(.malformed, "versions \(oldest) to \(newest)") }
            self = .hello(versions: oldest...newest)
        case 2:
            self = .loadManifest(
                core: try reader.readCounted("manifest core"), signature: try reader.readBytes(64, "signature"))
        case 3:
            let code: UInt8 = try reader.read("part")
            guard let part = SealedPartName(rawValue: code) else {
                throw TensorError(.malformed, "part \(code) is unknown")
            }
            self = .loadPart(
                part, totalBytes: try reader.read("part size"), offset: try reader.read("offset"),
                bytes: try reader.readCounted("chunk"))
        case 4: self = .evidence(nonce: try reader.readCounted("nonce"))
        case 5: self = .provision(ciphertext: try reader.readBytes(reader.remaining, "ciphertext"))
        case 6: self = .infer(message: try reader.readBytes(reader.remaining, "request"))
        case 7: self = .backNetResult(try TensorListCodec.decode(&reader, in: payload))
        case 8: self = .backNetFailure
        case 9: self = .cancel
        case 10: self = .status
        case 11: self = .shutdown
        case 12:
            let number: UInt8 = try reader.read("key slot")
            guard let slot = KeySlot(number) else { throw TensorError(.malformed, "key slot \(number) is unknown") }
            self = .keySlot(slot)
        default: throw TensorError(.malformed, "frame kind \(kind) is unknown")
        }
    }

    package func encode(into builder: inout PayloadBuilder) {
        switch self {
        case .hello(let versions):
            builder.write(versions.lowerBound)
            builder.write(versions.upperBound)
        case .loadManifest(let core, let signature):
            builder.write(counted: core)
            builder.write(bytes: signature)
        case .loadPart(let part, let totalBytes, let offset, let bytes):
            builder.write(part.rawValue)
            builder.write(totalBytes)
            builder.write(offset)
            builder.write(counted: bytes)
        case .evidence(let nonce): builder.write(counted: nonce)
        case .provision(let bytes), .infer(let bytes): builder.write(bytes: bytes)
        case .backNetResult(let tensors): TensorListCodec.encode(tensors, into: &builder)
        case .keySlot(let slot): builder.write(slot.number)
        case .backNetFailure, .cancel, .status, .shutdown: break
        }
    }
}

extension ByteReader {
    /// Bytes with a 32-bit length prefix, which is checked against the remaining bytes.
    @_lifetime(self: copy self)
    mutating func readCounted(_ what: StaticString) throws(TensorError) -> [UInt8] {
        try readBytes(Int(try read(UInt32.self, what)), what)
    }
}
