// SPDX-License-Identifier: Apache-2.0
internal import ModelGraph
internal import Tensors

extension NodeDerivative {
    func arithmeticPaths(
        _ function: Arithmetic.Function, _ position: Int, _ graph: inout GraphBuilder
    ) throws(DifferentiationError) -> Paths {
        let operand = graph.shape(of: node.inputs[position])
        let result = graph.shape(of: y)
        // The operand reshaped to the result's rank, then broadcast to the result's shape.
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
            // Where the operands are equal, the derivative is that of the second.
            let first = try graph.step(
                function == .maximum ? graph.difference(a, b) : graph.difference(b, a))
            path.append(.scale(by: position == 0 ? first : try graph.complement(first)))
        case (.equal, _), (.greater, _), (.greaterOrEqual, _):
            throw DifferentiationError("a comparison has no derivative")
        case (.keep, 0):
            let gone = try graph.add(.arithmetic(Arithmetic(.equal)), b, graph.scalar(0))
            path.append(.scale(by: try graph.complement(gone)))
        case (.keep, _):
            throw DifferentiationError("the condition '\(b)' depends on the input, expected a constant")
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
}
