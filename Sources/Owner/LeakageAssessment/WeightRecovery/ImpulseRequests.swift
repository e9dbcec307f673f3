// SPDX-License-Identifier: Apache-2.0
internal import ModelGraph
internal import Tensors

/// The requests that reveal all weights of a FrontNet with one convolution and element-wise operations after it.
///
/// An image that is 0 except for one element gives, at the outputs around it, that element times each weight of its
/// channel, plus the bias. ReLU hides negative values, so the negated image is needed as well. Two elements of
/// different heights in one image, far apart, separate bias and weight where the bias alone is hidden; a stride needs
/// an element for each of its phases. So each input channel takes two images, and one image of zeros gives the biases:
/// 2 c + 1. Packing several channels into an image takes fewer still.
enum ImpulseRequests {
    /// - Returns: `nil` for a FrontNet of another form, or an image too small for the elements.
    static func count(_ graph: Graph, inside cut: Cut) -> Int? {
        guard cut.crossing.count == 1, !cut.exposesInput, graph.inputs.count == 1,
            let first = graph.nodes.first, case .convolution(let convolution) = first.operation,
            first.inputs[0] == graph.inputs[0].name,
            first.inputs.dropFirst().allSatisfy({ graph.constants[$0] != nil })
        else { return nil }
        var value = first.outputs[0]
        for node in graph.nodes[1..<cut.nodesInside] {
            guard node.inputs.first == value, isInvertible(node.operation),
                node.inputs.dropFirst().allSatisfy({ graph.constants[$0] != nil })
            else { return nil }
            value = node.outputs[0]
        }
        let shape = graph.inputs[0].type.shape
        guard value == cut.crossing[0], hasRoom(convolution.window, in: Array(shape.dimensions.dropFirst(2))) else {
            return nil
        }
        return 2 * shape[1] + 1
    }

    /// Whether an operation preserves either the positive values or all.
    private static func isInvertible(_ operation: ModelGraph.Operation) -> Bool {
        switch operation {
        case .batchNormalization, .identity: true
        case .activation(let activation): [.relu, .leakyRelu, .elu].contains(activation.function)
        default: false
        }
    }

    /// Whether elements of two heights for each phase of the stride fit so far apart that no output depends on two of
    /// them, and so far from the border that each meets every weight.
    private static func hasRoom(_ window: Window, in extents: [Int]) -> Bool {
        var (places, phases) = (1, 1)
        for axis in extents.indices {
            let reach = (window.kernel[axis] - 1) * window.dilations[axis] + 1
            let slot = reach + window.strides[axis] - 1
            places *= max(0, extents[axis] - 2 * reach - window.strides[axis]) / slot
            phases *= window.strides[axis]
        }
        return places >= 2 * phases
    }
}
