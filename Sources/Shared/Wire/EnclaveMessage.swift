// SPDX-License-Identifier: Apache-2.0
package import Tensors

/// Messages from the enclave to the host.
package enum EnclaveMessage: WireMessage {
    /// - Parameters:
    ///   - version: The frame version from now on.
    ///   - credits: Limit of unanswered inferences; an `intermediate` counts as an answer.
    case hello(version: UInt16, teeKind: String, credits: UInt32)
    /// A manifest, a chunk of a part, or a request to shut down was accepted.
    case accepted
    case evidence(EnclaveEvidence)
    /// - Parameter statistics: Encrypted to the owner, ``statisticsByteCount`` bytes; empty if there is no audit.
    case provisioned(statistics: [UInt8] = [])
    /// The tensors that cross to the BackNet, in its order of inputs.
    case intermediate([Tensor])
    /// A `message/ohttp-res`. Its size is the same for all answers of a model.
    case answer([UInt8])
    case refused(EnclaveErrorCode)
    case status(EnclaveStatus)

    package var kind: UInt8 {
        switch self {
        case .hello: 129
        case .accepted: 130
        case .evidence: 131
        case .provisioned: 132
        case .intermediate: 133
        case .answer: 134
        case .refused: 135
        case .status: 136
        }
    }

    package static func maximumPayloadBytes(kind: UInt8, limits: FrameLimits) -> Int? {
        switch kind {
        case 129: 2 + 4 + maximumTEEKindBytes + 4
        case 130: 0
        case 132: statisticsByteCount
        case 131, 134: limits.messageBytes
        case 133: limits.tensorBytes
        case 135: 2
        case 136: EnclaveStatus.byteCount
        default: nil
        }
    }

    private static let maximumTEEKindBytes = 32
    /// A nonce of 32, counts of 33 and a tag of 16 bytes.
    package static let statisticsByteCount = 81

    package init(kind: UInt8, reader: inout ByteReader, payload: TensorStorage) throws(TensorError) {
        switch kind {
        case 129:
            self = .hello(
                version: try reader.read("version"),
                teeKind: try reader.readString(maximumBytes: Self.maximumTEEKindBytes, "TEE kind"),
                credits: try reader.read("credits"))
        case 130: self = .accepted
        case 131: self = .evidence(try EnclaveEvidence(from: &reader))
        case 132:
            let count = reader.remaining == 0 ? 0 : Self.statisticsByteCount
            self = .provisioned(statistics: try reader.readBytes(count, "statistics"))
        case 133: self = .intermediate(try TensorListCodec.decode(&reader, in: payload))
        case 134: self = .answer(try reader.readBytes(reader.remaining, "answer"))
        case 135: self = .refused(EnclaveErrorCode(rawValue: try reader.read("code")))
        case 136: self = .status(try EnclaveStatus(from: &reader))
        default: throw TensorError(.malformed, "frame kind \(kind) is unknown")
        }
    }

    package func encode(into builder: inout PayloadBuilder) {
        switch self {
        case .hello(let version, let teeKind, let credits):
            builder.write(version)
            builder.write(teeKind)
            builder.write(credits)
        case .accepted: break
        case .provisioned(let statistics): builder.write(bytes: statistics)
        case .evidence(let evidence): evidence.encode(into: &builder)
        case .intermediate(let tensors): TensorListCodec.encode(tensors, into: &builder)
        case .answer(let bytes): builder.write(bytes: bytes)
        case .refused(let code): builder.write(code.rawValue)
        case .status(let status): status.encode(into: &builder)
        }
    }
}
