// SPDX-License-Identifier: Apache-2.0
internal import ModelGraph
internal import Tensors

/// One linear step from a tangent to a tangent, and its transpose from a cotangent to a cotangent.
///
/// The derivative of an operator with respect to one operand is a sum of paths, each a composition of such steps. Both
/// directions use operators of the model graph, so that the engine runs derivatives as it runs networks.
enum LinearMap: Sendable {
    /// With weights that do not depend on the input; no bias.
    case convolution(Convolution, weights: String, from: Shape)
    /// Element-wise multiplication by a value that broadcasts to the operand's shape.
    case scale(by: String)
    /// Repetition along axes of extent 1; both shapes have the same rank.
    case broadcast(from: Shape, to: Shape)
    /// The transpose of ``broadcast(from:to:)``: sums over axes and leaves extents of 1.
    case sum(from: Shape, to: Shape)
    case reshape(from: Shape, to: Shape)
    case transpose([Int])
    /// Padding with zeros, before each axis and then after each; negative pads crop.
    case pad([Int])
    /// Every n-th element along each axis, from the first on.
    case subsample(steps: [Int], from: Shape)
    /// x · B over the last two axes. B's other axes broadcast to the operand's.
    case multiplyRight(by: String)
    /// A · x
    case multiplyLeft(by: String)

    func apply(to x: String, in graph: inout GraphBuilder) throws(DifferentiationError) -> String {
        switch self {
        case .convolution(let convolution, let weights, _): try graph.add(.convolution(convolution), x, weights)
        case .scale(let factor): try graph.product(x, factor)
        case .broadcast(let from, let to): try graph.broadcast(x, from: from, to: to)
        case .sum(let from, let to): try graph.sum(x, from: from, to: to)
        case .reshape(_, let to): try graph.add(.reshape(Reshape(to.dimensions)), x)
        case .transpose(let permutation): try graph.add(.transpose(Transpose(permutation)), x)
        case .pad(let pads): try graph.pad(x, pads)
        case .subsample(let steps, let from): try graph.subsample(x, steps: steps, of: from)
        case .multiplyRight(let matrix): try graph.add(.matMul(MatMul()), x, matrix)
        case .multiplyLeft(let matrix): try graph.add(.matMul(MatMul()), matrix, x)
        }
    }

    func applyTransposed(to y: String, in graph: inout GraphBuilder) throws(DifferentiationError) -> String {
        switch self {
        case .convolution(let convolution, let weights, let from):
            try graph.transposedConvolution(y, convolution, weights: weights, to: from)
        case .scale(let factor): try graph.product(y, factor)
        case .broadcast(let from, let to): try graph.sum(y, from: to, to: from)
        case .sum(let from, let to): try graph.broadcast(y, from: to, to: from)
        case .reshape(let from, _): try graph.add(.reshape(Reshape(from.dimensions)), y)
        case .transpose(let permutation):
            try graph.add(
                .transpose(Transpose(permutation.indices.sorted { permutation[$0] < permutation[$1] })), y)
        case .pad(let pads): try graph.pad(y, pads.map { -$0 })
        case .subsample(let steps, let from): try graph.spread(y, steps: steps, to: from)
        case .multiplyRight(let matrix):
            try graph.add(.matMul(MatMul()), y, graph.matricesTransposed(matrix))
        case .multiplyLeft(let matrix):
            try graph.add(.matMul(MatMul()), graph.matricesTransposed(matrix), y)
        }
    }
}

extension GraphBuilder {
    fileprivate mutating func broadcast(
        _ x: String, from: Shape, to: Shape
    ) throws(DifferentiationError) -> String {
        let ones = zip(from.dimensions, to.dimensions).map { $0 == $1 ? 1 : $1 }
        return try product(x, constant([Float](repeating: 1, count: ones.reduce(1, *)), ones))
    }

    fileprivate mutating func sum(_ x: String, from: Shape, to: Shape) throws(DifferentiationError) -> String {
        let axes = from.dimensions.indices.filter { from[$0] != to[$0] }
        return axes.isEmpty ? x : try add(.reduction(Reduction(.sum, axes: axes, keepsDimensions: true)), x)
    }

    mutating func pad(_ x: String, _ pads: [Int]) throws(DifferentiationError) -> String {
        pads.allSatisfy { $0 == 0 } ? x : try add(.pad(Pad(.constant, pads: pads)), x)
    }

    fileprivate mutating func subsample(
        _ x: String, steps: [Int], of shape: Shape
    ) throws(DifferentiationError) -> String {
        let axes = Array(steps.indices)
        return try add(
            .slice(
                Slice(starts: axes.map { _ in 0 }, ends: shape.dimensions, axes: axes, steps: steps)), x)
    }

    /// The transpose of ``subsample(_:steps:of:)``: zeros between the elements.
    fileprivate mutating func spread(
        _ y: String, steps: [Int], to shape: Shape
    ) throws(DifferentiationError) -> String {
        let extents = self.shape(of: y).dimensions
        let spread = extents.indices.filter { steps[$0] > 1 }
        guard !spread.isEmpty else { return y }
        // An axis of extent 1 after each spread axis is padded with the zeros.
        var (split, zeros): ([Int], [Int]) = ([], [])
        for axis in extents.indices {
            split.append(extents[axis])
            zeros.append(0)
            if steps[axis] > 1 {
                split.append(1)
                zeros.append(steps[axis] - 1)
            }
        }
        let apart = try add(.reshape(Reshape(split)), y)
        let padded = try pad(apart, [Int](repeating: 0, count: split.count) + zeros)
        let joined = try add(.reshape(Reshape(extents.indices.map { extents[$0] * steps[$0] })), padded)
        let rest = extents.indices.map { shape[$0] - extents[$0] * steps[$0] }
        return try pad(joined, extents.map { _ in 0 } + rest)
    }

    fileprivate mutating func matricesTransposed(_ matrix: String) throws(DifferentiationError) -> String {
        var permutation = Array(0..<shape(of: matrix).rank)
        permutation.swapAt(permutation.count - 2, permutation.count - 1)
        return try add(.transpose(Transpose(permutation)), matrix)
    }

    /// The transpose of a convolution is a convolution of the spread cotangent with the flipped weights, with input and
    /// output channels exchanged within each group.
    fileprivate mutating func transposedConvolution(
        _ y: String, _ convolution: Convolution, weights: String, to input: Shape
    ) throws(DifferentiationError) -> String {
        let window = convolution.window
        let (rank, groups) = (window.kernel.count, convolution.groups)
        let filters = shape(of: weights).dimensions
        let spatial = Array(2..<2 + rank)
        let flipped = try add(
            .slice(
                Slice(
                    starts: spatial.map { _ in -1 }, ends: spatial.map { _ in Int(Int32.min) }, axes: spatial,
                    steps: spatial.map { _ in -1 })), weights)
        let grouped = try add(
            .reshape(Reshape([groups, filters[0] / groups, filters[1]] + window.kernel)), flipped)
        let exchanged = try add(.transpose(Transpose([0, 2, 1] + spatial.map { $0 + 1 })), grouped)
        let adjoint = try add(
            .reshape(Reshape([groups * filters[1], filters[0] / groups] + window.kernel)), exchanged)

        let extents = shape(of: y).dimensions.dropFirst(2).map(\.self)
        let spreadExtents = (0..<rank).map { (extents[$0] - 1) * window.strides[$0] + 1 }
        let spreadShape = try shape([shape(of: y)[0], shape(of: y)[1]] + spreadExtents)
        let spreadOut = try spread(y, steps: [1, 1] + window.strides, to: spreadShape)
        var pads = [Int](repeating: 0, count: 2 * rank)
        for axis in 0..<rank {
            let reach = (window.kernel[axis] - 1) * window.dilations[axis]
            pads[axis] = reach - window.padBefore(axis)
            pads[rank + axis] = input[2 + axis] + reach - spreadExtents[axis] - pads[axis]
        }
        let cropped = try pad(
            spreadOut, [0, 0] + pads[..<rank].map { min($0, 0) } + [0, 0] + pads[rank...].map { min($0, 0) })
        return try add(
            .convolution(
                Convolution(
                    window: Window(
                        kernel: window.kernel, dilations: window.dilations, pads: pads.map { max($0, 0) }),
                    groups: groups)), cropped, adjoint)
    }

    func shape(_ dimensions: [Int]) throws(DifferentiationError) -> Shape {
        do throws(TensorError) { return try Shape(dimensions) } catch { throw DifferentiationError(error.message) }
    }
}
