// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors

extension GraphImporter {
    /// Applies an operation to the base of a transposed value; `false` if that is not possible.
    mutating func emitTurned(
        _ operation: Operation, _ operands: [String], name: String, output: String
    ) throws(ONNXImportError) -> Bool {
        guard !turned.isEmpty, let value = operands.compactMap({ turned[$0] }).first else { return false }
        if case .transpose(let transpose) = operation {
            let order = transpose.permutation.compactMap {
                value.permutation.indices.contains($0) ? value.permutation[$0] : nil
            }
            guard order.count == value.permutation.count, order.sorted() == Array(order.indices) else { return false }
            if order == Array(order.indices) {
                try append(.identity(Identity()), [value.base], name: name, output: output)
            } else {
                try append(.transpose(Transpose(order)), [value.base], name: name, output: output)
                turned[output] = TurnedValue(base: value.base, permutation: order)
            }
            return true
        }
        guard let (moved, bases) = try bases(operation, operands, value) else { return false }
        let base = valueNames.make("\(output)_turned")
        guard moved.keepsOrder else {
            try append(moved.operation, bases, name: name, output: output)
            return true
        }
        try append(moved.operation, bases, name: name, output: base)
        try append(
            .transpose(Transpose(value.permutation)), [base], name: nodeNames.make("\(name)_layout"), output: output)
        turned[output] = TurnedValue(base: base, permutation: value.permutation)
        return true
    }

    /// The operands in the axis order of the base; `nil` if one has another order.
    mutating func bases(
        _ operation: Operation, _ operands: [String], _ value: TurnedValue
    ) throws(ONNXImportError) -> (moved: (operation: Operation, keepsOrder: Bool), operands: [String])? {
        let isArithmetic: Bool
        if case .arithmetic = operation { isArithmetic = true } else { isArithmetic = false }
        guard let moved = isArithmetic ? (operation, true) : value.moved(operation) else { return nil }
        let rank = value.permutation.count
        var results: [String] = []
        for operand in operands {
            if let other = turned[operand] {
                guard other.permutation == value.permutation else { return nil }
                results.append(other.base)
            } else if let tensor = constants[operand]?.tensor, tensor.shape.elementCount == 1, tensor.shape.rank <= rank
            {
                results.append(operand)
            } else if isArithmetic, let tensor = constants[operand]?.tensor, tensor.shape.rank <= rank {
                let full = [Int](repeating: 1, count: rank - tensor.shape.rank) + tensor.shape.dimensions
                let shaped = try ConstantFolder.checked { () throws(TensorError) in try tensor.reshaped(full) }
                guard
                    let turned = try ConstantFolder.fold(
                        .transpose(Transpose(value.inverse)), operands: [shaped], budget: &budget)
                else { return nil }
                results.append(addConstant(turned, operand))
            } else {
                return nil
            }
        }
        return (moved, results)
    }
}
