// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import ONNXFormat
import Tensors

// Adds the results of lowering to the graph: constants are folded, integers converted to floats.

extension GraphImporter {
    mutating func emit(_ lowered: Lowered, name: String, output: String) throws(ONNXImportError) {
        switch lowered {
        case .constant(let constant):
            try budget.spend(constant.tensor.type)
            define(output, constant)
        case .filled(let type, let value):
            define(output, Constant(try ConstantFolder.fill(type, with: value, budget: &budget)))
        case .operation(let operation, let operands):
            try emit(operation, operands, name: name, output: output)
        case .expansion(let expansion): try emit(expansion, name: name, outputs: [output])
        }
    }

    /// The last step gets the node's name; steps that compute an output get the output's name.
    mutating func emit(
        _ expansion: Expansion, name: String, outputs: [String]
    ) throws(ONNXImportError) {
        let base = outputs.first { !$0.isEmpty } ?? name
        var made: [Int: String] = [:]
        for (source, output) in zip(expansion.outputs, outputs) where !output.isEmpty {
            switch source {
            case .step(let step) where made[step] == nil: made[step] = output
            case .value(let value): aliases[output] = value
            case .step, .constant, .filled: break
            }
        }
        var values: [String] = []
        for (index, step) in expansion.steps.enumerated() {
            var operands: [String] = []
            for source in step.sources {
                switch source {
                case .value(let name): operands.append(name)
                case .step(let step): operands.append(values[step])
                case .constant(let tensor):
                    try budget.spend(tensor.type)
                    operands.append(addConstant(tensor, base))
                case .filled(let type, let value):
                    operands.append(addConstant(try ConstantFolder.fill(type, with: value, budget: &budget), base))
                }
            }
            let output = made[index] ?? valueNames.make("\(base)_step_\(index)")
            let isLast = index == expansion.steps.count - 1
            try emit(
                step.operation, operands, name: isLast ? name : nodeNames.make("\(name)_\(index)"), output: output)
            values.append(output)
        }
    }

    mutating func addConstant(_ tensor: Tensor, _ base: String) -> String {
        let name = valueNames.make("\(base)_constant")
        define(name, Constant(tensor))
        return name
    }

    mutating func emit(
        _ operation: Operation, _ given: [String], name: String, output: String
    ) throws(ONNXImportError) {
        let operands = try coerced(given, for: operation, name: name)
        let known = operands.compactMap { constants[$0]?.tensor }
        if known.count == operands.count,
            let folded = try ConstantFolder.fold(operation, operands: known, budget: &budget)
        {
            return define(output, try typed(folded, operation, operands))
        }
        if try emitTurned(operation, operands, name: name, output: output) { return }
        try append(operation, operands, name: name, output: output)
    }

    /// A folded result in the type that its operands have in the file. Of 8 and 16 bits it keeps the lowest.
    private mutating func typed(
        _ folded: Tensor, _ operation: Operation, _ operands: [String]
    ) throws(ONNXImportError) -> Constant {
        guard let first = constants[operands[0]], let narrow = first.narrow, folded.element == first.tensor.element
        else { return Constant(folded) }
        if operation.isView { return Constant(folded, narrow: narrow) }
        guard case .arithmetic(let arithmetic) = operation, !arithmetic.function.isComparison,
            narrow.wrappingRange != nil, operands.allSatisfy({ constants[$0]?.narrow == narrow }),
            let element = ONNXElement(Int32(narrow.rawValue))
        else { return Constant(folded) }
        return try ConstantFolder.wrapped(folded, to: element, budget: &budget)
    }

    mutating func append(
        _ operation: Operation, _ operands: [String], name: String, output: String
    ) throws(ONNXImportError) {
        var operandTypes: [TensorType] = []
        for operand in operands {
            guard let type = types[operand] else {
                throw ONNXImportError(.unsupported, "input '\(operand)' is no tensor of numbers")
            }
            operandTypes.append(type)
        }
        do throws(GraphError) {
            types[output] = try operation.attributes.resultTypes(for: operandTypes)[0]
        } catch { throw ONNXImportError(.invalidGraph, error.message) }
        // Checked at each node, because one node of the file may become a thousand.
        guard nodes.count < Graph.maximumNodes else {
            throw ONNXImportError(.invalidGraph, "the graph has over \(Graph.maximumNodes) nodes")
        }
        makers[output] = nodes.count
        nodes.append(Node(name: name, operation: operation, inputs: operands, outputs: [output]))
    }

    /// The operands converted to floats, if the operation takes floats and some operands are none.
    mutating func coerced(
        _ operands: [String], for operation: Operation, name: String
    ) throws(ONNXImportError) -> [String] {
        let elements = Set(operands.compactMap { types[$0]?.element })
        guard elements != [.float32] else { return operands }
        switch operation {
        case .identity, .reshape, .flatten, .squeeze, .unsqueeze, .transpose, .slice, .dequantizeLinear: return operands
        case .quantizeLinear: return try floats(operands.prefix(1), name) + operands.dropFirst()
        case .concat where elements.count == 1: return operands
        case .arithmetic(let arithmetic)
        where elements.count == 1 && !arithmetic.function.isComparison && operands.allSatisfy { constants[$0] != nil }:
            return operands
        case .arithmetic(let arithmetic) where arithmetic.function.wraps:
            for operand in operands where constants[operand] == nil {
                guard let element = types[operand]?.element, element == .uint8 || element == .int8 else { continue }
                throw ONNXImportError(
                    .unsupported, "arithmetic on '\(operand)' in 8 bits wraps around: cast it to float32 first")
            }
            return try floats(operands[...], name)
        default: return try floats(operands[...], name)
        }
    }

    mutating func floats(_ operands: ArraySlice<String>, _ name: String) throws(ONNXImportError) -> [String] {
        var results: [String] = []
        for operand in operands { results.append(try float(operand, name)) }
        return results
    }

    mutating func float(_ operand: String, _ name: String) throws(ONNXImportError) -> String {
        guard let type = types[operand], type.element != .float32 else { return operand }
        if let form = floatForms[operand] { return form }
        let form = valueNames.make("\(operand)_float")
        if let constant = constants[operand] {
            define(form, Constant(try ConstantFolder.cast(constant, to: .float32, budget: &budget)))
        } else {
            let zero = Tensor(type: TensorType(type.element, try ConstantFolder.shape([]))) { _ in }
            let one = try ConstantFolder.tensor(
                TensorType(.float32, try ConstantFolder.shape([])), [1.0], budget: &budget)
            try append(
                .dequantizeLinear(DequantizeLinear(axis: 0)),
                [operand, addConstant(one, operand), addConstant(zero, operand)],
                name: nodeNames.make("\(name)_float"), output: form)
        }
        floatForms[operand] = form
        return form
    }
}

extension Arithmetic.Function {
    /// Whether the result may need more bits than the operands.
    fileprivate var wraps: Bool {
        switch self {
        case .add, .subtract, .multiply, .divide, .power: true
        case .maximum, .minimum, .equal, .greater, .greaterOrEqual, .keep: false
        }
    }
}

extension Operation {
    /// Whether the operation only changes the shape or moves elements.
    var isView: Bool {
        switch self {
        case .identity, .reshape, .flatten, .squeeze, .unsqueeze, .transpose, .slice, .concat: true
        default: false
        }
    }
}
