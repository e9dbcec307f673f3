import ModelGraph
import Tensors

// Operators on conditions and counts. They are supported on constants, as exporters leave them in a graph.

extension ImportedNode {
    private func known(_ index: Int, _ what: String) throws(ONNXImportError) -> Tensor {
        guard let tensor = try constant(index, what) else { throw failure(.invalidGraph, "\(what) is missing") }
        return tensor
    }

    mutating func comparison(_ comparison: Comparison) throws(ONNXImportError) -> Lowered {
        _ = try inputs(2...2)
        let (a, b) = (try known(0, "operand"), try known(1, "operand"))
        return .folded { (budget) throws(ONNXImportError) in
            try ConstantFolder.compare(comparison, a, b, budget: &budget)
        }
    }

    mutating func not() throws(ONNXImportError) -> Lowered {
        _ = try inputs(1...1)
        let operand = try known(0, "operand")
        return .folded { (budget) throws(ONNXImportError) in try ConstantFolder.not(operand, budget: &budget) }
    }

    mutating func choice() throws(ONNXImportError) -> Lowered {
        _ = try inputs(3...3)
        let (condition, x, y) = (try known(0, "condition"), try known(1, "value"), try known(2, "value"))
        return .folded { (budget) throws(ONNXImportError) in
            try ConstantFolder.choose(condition, x, y, budget: &budget)
        }
    }

    mutating func range() throws(ONNXImportError) -> Lowered {
        _ = try inputs(3...3)
        let (start, limit, step) = (try known(0, "start"), try known(1, "limit"), try known(2, "step"))
        return .folded { (budget) throws(ONNXImportError) in
            try ConstantFolder.range(start, limit, step, budget: &budget)
        }
    }

    /// The number of elements, which is known whatever they are.
    mutating func sizeOfOperand() throws(ONNXImportError) -> Lowered {
        do throws(TensorError) {
            return .constant(.tensor(try Tensor([Int64(try elementCount())], shape: [])))
        } catch { throw failure(.invalidGraph, error.message) }
    }

    private func elementCount() throws(TensorError) -> Int {
        do throws(ONNXImportError) { return try shape(0).elementCount } catch {
            throw TensorError(.mismatch, error.message)
        }
    }

    /// Constants are repeated; other values are multiplied with ones of the result's shape.
    mutating func expand() throws(ONNXImportError) -> Lowered {
        let operand = try type(0)
        guard let dimensions = try constantIntegers(1, "shape") else {
            throw failure(.invalidGraph, "the shape is missing")
        }
        let result: Shape
        do throws(TensorError) {
            let given = try Shape(dimensions)
            do throws(GraphError) { result = try Arithmetic.broadcast(operand.shape, given) } catch {
                throw TensorError(.mismatch, error.message)
            }
        } catch { throw failure(.invalidGraph, error.message) }
        if let tensor = self.operand(0)?.constant?.tensor {
            return .folded { (budget) throws(ONNXImportError) in
                try ConstantFolder.broadcast(tensor, to: result, budget: &budget)
            }
        }
        guard result != operand.shape else {
            return .operation(.identity(Identity()), operands: [try input(0)])
        }
        return try expansion { (steps) throws(ONNXImportError) in
            steps.add(.multiply, try source(0), try filled(result, with: 1))
        }
    }
}
