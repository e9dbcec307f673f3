// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors

extension ReferenceExecutor {
    /// Pads with reflected, edge or constant values.
    static func padded(_ input: FloatArray, _ pad: Pad, _ result: Shape) -> [Float] {
        (0..<result.elementCount).map { position in
            var isOutside = false
            let indices = result.indices(of: position).enumerated().map { axis, index in
                let extent = input.shape[axis]
                let place = index - pad.pads[axis]
                if (0..<extent).contains(place) { return place }
                switch pad.mode {
                case .constant: isOutside = true
                case .edge: return place < 0 ? 0 : extent - 1
                case .reflect: return place < 0 ? -place : 2 * (extent - 1) - place
                }
                return 0
            }
            return isOutside ? pad.value : input.values[input.shape.position(of: indices)]
        }
    }

    static func joined(_ operands: [Tensor], _ concat: Concat, _ result: TensorType) -> Tensor {
        let axis = concat.axis < 0 ? concat.axis + result.shape.rank : concat.axis
        var owners: [(operand: Int, index: Int)] = []
        for (operand, tensor) in operands.enumerated() {
            for index in 0..<tensor.shape[axis] { owners.append((operand, index)) }
        }
        return moved(result) { indices in
            let owner = owners[indices[axis]]
            var indices = indices
            indices[axis] = owner.index
            return (operands[owner.operand], indices)
        }
    }

    static func transposed(_ operand: Tensor, _ transpose: Transpose, _ result: TensorType) -> Tensor {
        moved(result) { indices in
            var source = indices
            for (axis, origin) in transpose.permutation.enumerated() { source[origin] = indices[axis] }
            return (operand, source)
        }
    }

    static func sliced(_ operand: Tensor, _ slice: Slice, _ result: TensorType) throws -> Tensor {
        let ranges = try slice.ranges(of: operand.shape)
        return moved(result) { indices in
            (operand, zip(ranges, indices).map { $0.start + $1 * $0.step })
        }
    }

    /// A tensor each of whose elements is copied from another tensor, for any element type.
    private static func moved(_ result: TensorType, from source: ([Int]) -> (Tensor, [Int])) -> Tensor {
        let size = result.element.byteCount
        return Tensor(type: result) { target in
            for position in 0..<result.shape.elementCount {
                let (tensor, indices) = source(result.shape.indices(of: position))
                let from = tensor.shape.position(of: indices) * size
                tensor.withBytes { bytes in
                    target[position * size..<(position + 1) * size].copyBytes(from: bytes[from..<from + size])
                }
            }
        }
    }
}
