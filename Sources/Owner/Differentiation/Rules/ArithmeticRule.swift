internal import ModelGraph
internal import Tensors

extension NodeDerivative {
    func arithmeticPaths(
        _ function: Arithmetic.Function, _ position: Int, _ graph: inout GraphBuilder
    ) throws(DifferentiationError) -> Paths {
        let operand = graph.shape(of: node.inputs[position])
        let result = graph.shape(of: y)
        // The operand under the result's rank, then of the result's shape.
        let ranked = try graph.shape(
            [Int](repeating: 1, count: result.rank - operand.rank) + operand.dimensions)
        var path: [LinearMap] = []
        if ranked != operand { path.append(.reshape(from: operand, to: ranked)) }
        if ranked != result { path.append(.broadcast(from: ranked, to: result)) }
        let (a, b) = (node.inputs[0], node.inputs[1])
        switch (function, position) {
        case (.add, _), (.subtract, 0): break
        case (.subtract, _): path.append(.scale(by: try graph.scalar(-1)))
        case (.multiply, _): path.append(.scale(by: position == 0 ? b : a))
        case (.divide, 0): path.append(.scale(by: try graph.quotient(1, b)))
        case (.divide, _):
            path.append(.scale(by: try graph.product(graph.quotient(y, b), -1)))
        case (.maximum, _), (.minimum, _):
            let (larger, smaller) = (function == .maximum) == (position == 0) ? (a, b) : (b, a)
            let step = try graph.step(graph.difference(larger, smaller))
            // Equal operands: the second counts.
            path.append(.scale(by: position == 0 ? step : try secondOf(function, &graph)))
        case (.power, 0):
            path.append(
                .scale(
                    by: try graph.product(
                        b, graph.add(.arithmetic(Arithmetic(.power)), a, graph.sum(b, -1)))))
        case (.power, _):
            throw DifferentiationError("the exponent '\(b)' depends on the input, expected a constant")
        }
        return [path]
    }

    /// 1 where the second operand is the result.
    private func secondOf(
        _ function: Arithmetic.Function, _ graph: inout GraphBuilder
    ) throws(DifferentiationError) -> String {
        let (a, b) = (node.inputs[0], node.inputs[1])
        let first = function == .maximum ? try graph.difference(a, b) : try graph.difference(b, a)
        return try graph.complement(graph.step(first))
    }
}
