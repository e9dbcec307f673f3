// SPDX-License-Identifier: Apache-2.0
import Tensors

/// Tensors in a payload: u32 count; for each u8 element type, u8 rank, u32 per dimension, zeros up to the next multiple
/// of 64 bytes from the payload's start, elements. So tensors can use a payload in aligned memory without a copy.
enum TensorListCodec {
    /// Bytes of element type, rank, dimensions and padding, at most.
    static let maximumDescriptionBytes = 2 + 4 * Shape.maximumRank + TensorStorage.alignment - 1

    static func encode(_ tensors: [Tensor], into builder: inout PayloadBuilder) {
        builder.write(UInt32(tensors.count))
        for tensor in tensors {
            builder.write(tensor.element.rawValue)
            builder.write(UInt8(tensor.shape.rank))
            for dimension in tensor.shape.dimensions { builder.write(UInt32(dimension)) }
            while builder.byteCount % TensorStorage.alignment != 0 { builder.write(UInt8(0)) }
            builder.write(tensor)
        }
    }

    /// - Parameter payload: The memory that `reader` reads; the tensors keep it alive.
    static func decode(_ reader: inout ByteReader, in payload: TensorStorage) throws(TensorError) -> [Tensor] {
        let count: UInt32 = try reader.read("number of tensors")
        guard count <= FrameLimits.maximumTensors else {
            throw TensorError(.malformed, "\(count) tensors are over the limit of \(FrameLimits.maximumTensors)")
        }
        var tensors: [Tensor] = []
        for _ in 0..<count {
            let type = try TensorType(from: &reader, extents: UInt32.self)
            while reader.offset % TensorStorage.alignment != 0 {
                guard try reader.read(UInt8.self, "padding") == 0 else {
                    throw TensorError(.malformed, "the padding before a tensor is not zero")
                }
            }
            let start = reader.offset
            try reader.withBytes(type.byteCount, "tensor") { _ in }
            tensors.append(try Tensor(type: type, storage: payload, byteOffset: start))
        }
        return tensors
    }
}
