// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors

/// Several graph nodes that replace one node of the file.
struct Expansion {
    enum Source {
        /// A value of the file.
        case value(String)
        /// The result of the step at this index.
        case step(Int)
        case constant(Tensor)
        /// A constant of this type with the same value everywhere.
        case filled(TensorType, with: Tensor)
    }

    struct Step {
        let operation: Operation
        let sources: [Source]
    }

    private(set) var steps: [Step] = []
    /// The node's outputs, in order.
    var outputs: [Source] = []

    /// Adds a step and returns its result.
    mutating func add(_ operation: Operation, _ sources: Source...) -> Source { add(operation, sources) }

    mutating func add(_ operation: Operation, _ sources: [Source]) -> Source {
        steps.append(Step(operation: operation, sources: sources))
        return .step(steps.count - 1)
    }

    mutating func add(_ function: Arithmetic.Function, _ first: Source, _ second: Source) -> Source {
        add(.arithmetic(Arithmetic(function)), first, second)
    }

    mutating func add(_ function: Activation.Function, _ operand: Source, alpha: Float = 0) -> Source {
        add(.activation(Activation(function, alpha: alpha)), operand)
    }
}

extension ImportedNode {
    /// A number as an operand that broadcasts.
    func number(_ value: Float) throws(ONNXImportError) -> Expansion.Source {
        do throws(TensorError) { return .constant(try Tensor([value], shape: [])) } catch {
            throw failure(.invalidGraph, error.message)
        }
    }

    /// A float32 constant of this shape with the same value everywhere.
    func filled(_ shape: Shape, with value: Float) throws(ONNXImportError) -> Expansion.Source {
        do throws(TensorError) {
            return .filled(TensorType(.float32, shape), with: try Tensor([value], shape: []))
        } catch { throw failure(.invalidGraph, error.message) }
    }

    func source(_ index: Int) throws(ONNXImportError) -> Expansion.Source { .value(try input(index)) }

    /// An expansion with one output.
    func expansion(
        _ body: (inout Expansion) throws(ONNXImportError) -> Expansion.Source
    ) throws(ONNXImportError) -> Lowered {
        var expansion = Expansion()
        expansion.outputs = [try body(&expansion)]
        return .expansion(expansion)
    }

    /// An axis attribute, counted from the front.
    mutating func axis(_ name: String = "axis", default fallback: Int, rank: Int) throws(ONNXImportError) -> Int {
        let axis = try integer(name) ?? fallback
        try require(axis >= -rank && axis < rank, "axis \(axis) is outside rank \(rank)")
        return axis < 0 ? axis + rank : axis
    }
}
