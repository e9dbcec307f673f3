// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import ModelGraph
internal import Tensors

/// The weights of one convolution or matrix product, by which copies of a layer are recognised whatever their names.
struct LayerWeights {
    let name: String
    /// The index of the layer's node in the graph.
    let node: Int
    /// Without extents of 1, so that a product and a 1x1 convolution with the same numbers are comparable.
    let shape: [Int]
    let values: [Float]

    /// The layers of a graph in its order: convolutions and matrix products, each with the largest of its f32
    /// constants.
    static func all(of graph: Graph) -> [LayerWeights] {
        zip(graph.nodes, graph.multiplyAddsByNode).enumerated().compactMap { index, entry in
            let (node, work) = entry
            let constants = node.inputs.compactMap { graph.constants[$0] }.filter { $0.element == .float32 }
            guard work > 0, let largest = constants.max(by: { $0.shape.elementCount < $1.shape.elementCount }),
                let values = try? largest.floats()
            else { return nil }
            return LayerWeights(
                name: node.name, node: index, shape: largest.shape.dimensions.filter { $0 > 1 }, values: values)
        }
    }

    /// Norm of the difference over the norm of the other's weights; for a matrix the smaller of this and the same
    /// against its transpose. `nil` for weights of another shape.
    func distance(to other: LayerWeights) -> Double? {
        var distances: [Double] = []
        if shape == other.shape { distances.append(distance(to: other.values)) }
        if shape.count == 2, shape == other.shape.reversed() { distances.append(distance(to: other.transposed)) }
        return distances.min()
    }

    private func distance(to other: [Float]) -> Double {
        var (difference, norm) = (0.0, 0.0)
        for (a, b) in zip(values, other) {
            difference += (Double(a) - Double(b)) * (Double(a) - Double(b))
            norm += Double(b) * Double(b)
        }
        return norm > 0 ? sqrt(difference / norm) : difference > 0 ? .infinity : 0
    }

    private var transposed: [Float] {
        let (rows, columns) = (shape[0], shape[1])
        return (0..<columns).flatMap { column in (0..<rows).map { values[$0 * columns + column] } }
    }

    /// A form that does not depend on the order of channels: each output channel's weights sorted, and these lists
    /// sorted.
    var unordered: [[Float]] {
        let outputs = max(1, shape.first ?? 1)
        let length = values.count / outputs
        return (0..<outputs).map { values[$0 * length..<($0 + 1) * length].sorted() }
            .sorted { $0.lexicographicallyPrecedes($1) }
    }
}
