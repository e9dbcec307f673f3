import ModelGraph
import Tensors

// Quantised operators. Integers are values of the graph; what is computed of them is computed in float32, exactly where
// sums stay below 2^24, then rounded and saturated as the operators say.

extension ImportedNode {
    mutating func quantizeLinear() throws(ONNXImportError) -> Lowered {
        try requireWholeTensors()
        let axis = try quantizedAxis()
        try require((1...1 << 31).contains(operands.count) && operands.count <= 3, "takes 2 or 3 inputs")
        return try expansion { (steps) throws(ONNXImportError) in
            steps.add(
                .quantizeLinear(QuantizeLinear(axis: axis)), try source(0), try source(1),
                try zeroPoint(2, scale: 1, .uint8))
        }
    }

    mutating func dequantizeLinear() throws(ONNXImportError) -> Lowered {
        try requireWholeTensors()
        let axis = try quantizedAxis()
        let element = try type(0).element
        return try expansion { (steps) throws(ONNXImportError) in
            steps.add(
                .dequantizeLinear(DequantizeLinear(axis: axis)), try source(0), try source(1),
                try zeroPoint(2, scale: 1, element))
        }
    }

    private mutating func requireWholeTensors() throws(ONNXImportError) {
        try require(try integer("block_size") ?? 0 == 0, .unsupported, "scales of blocks are not supported")
        try require(try flag("saturate", default: true), .unsupported, "saturate=0 is for float8 only")
        let type = try integer("output_dtype") ?? 0
        try require([0, 1, 2, 3].contains(type), .unsupported, "output_dtype \(type) is not supported")
        try require([0, 1].contains(try integer("precision") ?? 0), .unsupported, "precision is not float32")
    }

    private mutating func quantizedAxis() throws(ONNXImportError) -> Int {
        let axis = opset < 13 ? 1 : try integer("axis") ?? 1
        try require((-Shape.maximumRank..<Shape.maximumRank).contains(axis), "axis \(axis)")
        return axis
    }

    /// The zero point at this input, or zeros of the scale's shape where it is left out.
    private func zeroPoint(
        _ index: Int, scale: Int, _ element: ElementType
    ) throws(ONNXImportError) -> Expansion.Source {
        if operand(index) != nil { return try source(index) }
        return .filled(TensorType(element, try shape(scale)), with: try zero(element))
    }

    private func zero(_ element: ElementType) throws(ONNXImportError) -> Tensor {
        do throws(TensorError) { return Tensor(type: TensorType(element, try Shape([]))) { _ in } } catch {
            throw failure(.invalidGraph, error.message)
        }
    }

    /// x, its scale and zero point, weights, theirs, those of the result, optionally a bias in int32, whose scale is the
    /// product of the first two.
    mutating func quantizedConvolution() throws(ONNXImportError) -> Lowered {
        try require((8...9).contains(operands.count), "takes 8 or 9 inputs, found \(operands.count)")
        let (input, weights) = (try shape(0), try shape(3))
        try require(input.rank >= 3 && weights.rank == input.rank, "weights \(weights) do not fit \(input)")
        let convolution = Convolution(
            window: try window(over: input, kernel: Array(weights.dimensions.dropFirst(2))).window,
            groups: try integer("group") ?? 1)
        return try expansion { (steps) throws(ONNXImportError) in
            var sources = [
                steps.add(.dequantizeLinear(DequantizeLinear(axis: 1)), try source(0), try source(1), try source(2)),
                steps.add(.dequantizeLinear(DequantizeLinear(axis: 0)), try source(3), try source(4), try source(5)),
            ]
            if operands.count == 9 {
                let scale = steps.add(.multiply, try source(1), try source(4))
                let extents = try Self.broadcast(shape(1), shape(4), node: self)
                let zeros = Expansion.Source.filled(TensorType(.int32, extents), with: try zero(.int32))
                sources.append(
                    steps.add(.dequantizeLinear(DequantizeLinear(axis: 0)), try source(8), scale, zeros))
            }
            let result = steps.add(.convolution(convolution), sources)
            return steps.add(.quantizeLinear(QuantizeLinear(axis: 1)), result, try source(6), try source(7))
        }
    }

    /// a, its scale and zero point, b, its, and those of the result. Scales of a are for rows, of b for columns.
    mutating func quantizedMatMul() throws(ONNXImportError) -> Lowered {
        try require(operands.count == 8, "takes 8 inputs, found \(operands.count)")
        return try expansion { (steps) throws(ONNXImportError) in
            let a = steps.add(
                .dequantizeLinear(DequantizeLinear(axis: -2)), try source(0), try source(1), try source(2))
            let b = steps.add(
                .dequantizeLinear(DequantizeLinear(axis: -1)), try source(3), try source(4), try source(5))
            let product = steps.add(.matMul(MatMul()), a, b)
            return steps.add(.quantizeLinear(QuantizeLinear(axis: -1)), product, try source(6), try source(7))
        }
    }

    private static func broadcast(_ a: Shape, _ b: Shape, node: ImportedNode) throws(ONNXImportError) -> Shape {
        do throws(GraphError) { return try Arithmetic.broadcast(a, b) } catch {
            throw node.failure(.invalidGraph, error.message)
        }
    }
}
