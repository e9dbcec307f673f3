// SPDX-License-Identifier: Apache-2.0
internal import Differentiation
internal import Inference
package import ModelGraph
package import Tensors

/// Squared norms of the images of random directions under the Jacobian, at several cuts. Their mean is the trace of
/// JᵀJ, with J the Jacobian from pixels in [0, 1] to the boundary tensors. Derivatives are exact, without finite
/// differences.
///
/// - Source: design notes, Tier 3; Hutchinson 1989 (Rademacher probes).
package final class JacobianProbe {
    private let plan: Plan
    private let values: CrossingValues
    private let extents: Extents
    /// The change of the network's input for a change of 1 in the pixel, per input channel.
    private let gains: [Float]

    /// - Throws: ``AssessmentError`` `.unsupportedModel` naming a node that has no derivative.
    package init(_ network: AssessmentConfiguration.Network, cuts: [Cut]) throws(AssessmentError) {
        values = CrossingValues(cuts.map(\.crossing))
        let tangent: Graph
        do throws(DifferentiationError) {
            tangent = try GraphDerivative.tangent(of: network.graph, at: values.names)
        } catch { throw AssessmentError(.unsupportedModel, "\(network.name): \(error.message)") }
        plan = try EngineBridge.compile(tangent, name: network.name)
        extents = Extents(network)
        gains = network.preprocessing.normalization.std.map { 255 / $0 }
    }

    /// ‖J v‖² at each cut for v of independent random signs.
    package func pixelProbe(at x: Tensor, _ generator: inout SeededGenerator) throws(AssessmentError) -> [Double] {
        try squaredLengths(at: x, side: 1, &generator)
    }

    /// ‖J U w‖² at each cut for w of independent random signs; the columns of U are constant over blocks and have norm
    /// 1.
    package func thumbnailProbe(at x: Tensor, _ generator: inout SeededGenerator) throws(AssessmentError) -> [Double] {
        try squaredLengths(at: x, side: extents.blockSide, &generator)
    }

    private func squaredLengths(
        at x: Tensor, side: Int, _ generator: inout SeededGenerator
    ) throws(AssessmentError) -> [Double] {
        let (channels, height, width) = (extents.channels, extents.height, extents.width)
        var direction = [Float](repeating: 0, count: channels * height * width)
        for channel in 0..<channels {
            for top in stride(from: 0, to: height, by: side) {
                for left in stride(from: 0, to: width, by: side) {
                    let (rows, columns) = (min(side, height - top), min(side, width - left))
                    let sign: Float = generator.next() >> 63 == 0 ? 1 : -1
                    let value = sign * gains[channel] / Float(rows * columns).squareRoot()
                    for row in top..<top + rows {
                        let start = (channel * height + row) * width + left
                        for index in start..<start + columns { direction[index] = value }
                    }
                }
            }
        }
        let tangent: Tensor
        do throws(TensorError) { tangent = try Tensor(direction, shape: x.shape.dimensions) } catch {
            throw AssessmentError(.shapeMismatch, error.message)
        }
        let moved = try EngineBridge.run(plan, [x, tangent])
        let lengths = moved.map { tensor in
            tensor.withElements(as: Float.self) { values in values.reduce(0.0) { $0 + Double($1) * Double($1) } }
        }
        return values.byCut(lengths).map { $0.reduce(0, +) }
    }
}
