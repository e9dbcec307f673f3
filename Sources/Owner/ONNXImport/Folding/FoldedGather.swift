// SPDX-License-Identifier: Apache-2.0
import Tensors

/// `Gather` with known data and known indices.
struct Gathering {
    let data: Tensor
    /// Counted from the front.
    let axis: Int
    let indices: [Int]
    let indexShape: Shape
}

extension ConstantFolder {
    /// - Throws: ``ONNXImportError`` for an index out of range.
    static func gather(_ gathering: Gathering, budget: inout FoldingBudget) throws(ONNXImportError) -> Tensor {
        let (data, axis) = (gathering.data, gathering.axis)
        let extent = data.shape[axis]
        for index in gathering.indices where index < -extent || index >= extent {
            throw ONNXImportError(.invalidGraph, "index \(index) is outside axis \(axis) of \(data.shape)")
        }
        let dimensions = data.shape.dimensions
        let shape: Shape
        do throws(TensorError) {
            shape = try Shape(dimensions[..<axis] + gathering.indexShape.dimensions + dimensions[(axis + 1)...])
        } catch { throw ONNXImportError(.invalidGraph, error.message) }
        let type = TensorType(data.element, shape)
        try budget.spend(type)

        let rows = type.byteCount == 0 ? 0 : dimensions[..<axis].reduce(1, *)
        let count = dimensions[(axis + 1)...].reduce(1, *) * data.element.byteCount
        return data.withBytes { source in
            Tensor(type: type) { target in
                var position = 0
                for row in 0..<rows {
                    for index in gathering.indices {
                        let from = (row * extent + (index < 0 ? index + extent : index)) * count
                        target[position..<position + count].copyBytes(from: source[from..<from + count])
                        position += count
                    }
                }
            }
        }
    }
}
