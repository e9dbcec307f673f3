// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors

/// The invariants of a draft between two passes.
enum DraftVerifier {
    /// Checks that each value is defined once, before its use, and with the type that its node computes, and that the
    /// outputs of the graph are defined.
    ///
    /// - Parameter pass: The name of the pass that ran last.
    /// - Throws: ``InferenceError`` `.internalFault` that names the pass and the node.
    static func check(_ draft: Draft, after pass: String) throws(InferenceError) {
        if let fault = fault(in: draft) { throw InferenceError(.internalFault, "after the pass '\(pass)': \(fault)") }
    }

    private static func fault(in draft: Draft) -> String? {
        var defined: Set<String> = []
        for input in draft.inputs {
            guard defined.insert(input.name).inserted else { return "input '\(input.name)' is defined twice" }
            guard draft.types[input.name] == input.type else { return "input '\(input.name)' has another type" }
        }
        for (name, tensor) in draft.constants {
            guard defined.insert(name).inserted else { return "constant '\(name)' is defined twice" }
            guard draft.types[name] == tensor.type else {
                return "constant '\(name)' is \(tensor.type), not \(described(draft.types[name]))"
            }
        }
        for node in draft.nodes {
            if let fault = fault(in: node, draft, defined) { return "node '\(node.name)': \(fault)" }
            guard defined.insert(node.output).inserted else {
                return "node '\(node.name)': '\(node.output)' is defined twice"
            }
        }
        return draft.outputs.first { !defined.contains($0) }.map { "output '\($0)' is not defined" }
    }

    private static func fault(in node: Draft.Node, _ draft: Draft, _ defined: Set<String>) -> String? {
        guard let result = draft.types[node.output] else { return "'\(node.output)' has no type" }
        if let missing = node.inputs.first(where: { !defined.contains($0) }) {
            return "operand '\(missing)' is not defined before it"
        }
        let added = node.post.count { $0.takesOperand }
        guard node.inputs.count >= added else { return "it adds \(added) operands, but has \(node.inputs.count)" }
        let operands = node.operands.map(draft.type)
        for name in node.inputs.suffix(added) where draft.type(name) != result {
            return "it adds \(draft.type(name)) to \(result)"
        }
        switch results(of: node.kind, operands, result) {
        case .wrongOperands: return "it does not take \(operands)"
        case .refused(let message): return message
        case .type(let type):
            return type == result ? nil : "it computes \(type), but '\(node.output)' is \(result)"
        }
    }

    private enum Outcome {
        case wrongOperands
        case refused(String)
        case type(TensorType)
    }

    /// The type that a node of this kind computes. A view may have any shape with as many elements as its operand.
    private static func results(of kind: Draft.Kind, _ operands: [TensorType], _ stated: TensorType) -> Outcome {
        switch kind {
        case .operation(let operation):
            do throws(GraphError) {
                let types = try operation.attributes.resultTypes(for: operands)
                return types.count == 1 ? .type(types[0]) : .refused("it computes \(types.count) values")
            } catch { return .refused(error.message) }
        case .elementwise:
            return operands.count == 1 && operands[0].element == .float32 ? .type(operands[0]) : .wrongOperands
        case .levels:
            let fits = operands.count == 2 && operands[0].element == .float32 && operands[1].shape.elementCount == 1
            return fits ? .type(operands[0]) : .wrongOperands
        case .scaleShift:
            guard operands.count == 3, operands[0].shape.rank >= 2, areFloats(operands),
                operands.dropFirst().allSatisfy({ $0.shape.dimensions == [operands[0].shape[1]] })
            else { return .wrongOperands }
            return .type(operands[0])
        case .view:
            let fits =
                operands.count == 1 && operands[0].element == stated.element
                && operands[0].shape.elementCount == stated.shape.elementCount
            return fits ? .type(stated) : .wrongOperands
        case .innerProduct(let transposesWeights): return innerProduct(operands, transposesWeights)
        case .matMul(let first, let second): return matrixProduct(operands, first, second)
        }
    }

    private static func areFloats(_ types: [TensorType]) -> Bool { types.allSatisfy { $0.element == .float32 } }

    private static func innerProduct(_ operands: [TensorType], _ transposesWeights: Bool) -> Outcome {
        guard (2...3).contains(operands.count), areFloats(operands), operands[0].shape.rank >= 1,
            operands[1].shape.rank >= (transposesWeights ? 2 : 1)
        else { return .wrongOperands }
        let (x, weights) = (operands[0].shape.dimensions, operands[1].shape.dimensions)
        let results = transposesWeights ? weights[weights.count - 1] : weights[0]
        let depth = (transposesWeights ? weights.dropLast() : weights.dropFirst()).reduce(1, *)
        guard x.dropFirst().reduce(1, *) == depth, operands.count == 2 || operands[2].shape.dimensions == [results]
        else { return .wrongOperands }
        return float32([x[0], results])
    }

    private static func matrixProduct(_ operands: [TensorType], _ first: Bool, _ second: Bool) -> Outcome {
        guard operands.count == 2, areFloats(operands), operands[0].shape.rank == operands[1].shape.rank,
            operands[0].shape.rank >= 2
        else { return .wrongOperands }
        let (a, b) = (operands[0].shape.dimensions, operands[1].shape.dimensions)
        let last = a.count - 1
        let (rows, depth) = first ? (a[last], a[last - 1]) : (a[last - 1], a[last])
        let (otherDepth, columns) = second ? (b[last], b[last - 1]) : (b[last - 1], b[last])
        let batches = zip(a, b).dropLast(2)
        guard depth == otherDepth, batches.allSatisfy({ $0 == $1 || $0 == 1 || $1 == 1 }) else {
            return .wrongOperands
        }
        return float32(batches.map { $0 == 1 ? $1 : $0 } + [rows, columns])
    }

    private static func float32(_ dimensions: [Int]) -> Outcome {
        guard let shape = try? Shape(dimensions) else { return .refused("\(dimensions) is not a valid shape") }
        return .type(TensorType(.float32, shape))
    }

    private static func described(_ type: TensorType?) -> String { type.map { "\($0)" } ?? "of no type" }
}
