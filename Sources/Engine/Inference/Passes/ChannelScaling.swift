// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors

/// y = scale * x + shift, with one scale and one shift per channel (axis 1).
struct ChannelScaling {
    let input: String
    /// A node with more channels, which no real layer has, is not folded: a tensor without elements may declare any
    /// number of them.
    private static let maximumChannels = 1 << 20

    /// The shape of scale and shift, `[channels]`.
    let shape: Shape
    private(set) var scale: Factors
    private(set) var shift: Factors

    /// - Returns: `nil` if the node computes something else, or if scale or shift is not constant.
    init?(_ node: Draft.Node, _ draft: Draft) {
        switch node.kind {
        case .operation(.batchNormalization(let normalization)): self.init(node, normalization, draft)
        case .operation(.arithmetic(let arithmetic)): self.init(node, arithmetic.function, draft)
        default: return nil
        }
    }

    private init?(_ node: Draft.Node, _ normalization: BatchNormalization, _ draft: Draft) {
        let parameters = node.inputs.dropFirst().compactMap { draft.constants[$0] }
        guard parameters.count == 4, parameters.allSatisfy({ $0.element == .float32 }) else { return nil }
        input = node.inputs[0]
        let shape = draft.type(node.inputs[1]).shape
        let scale = Factors(shape.elementCount, draft.options) {
            Double(parameters[0].float($0))
                / (Double(parameters[3].float($0)) + Double(normalization.epsilon)).squareRoot()
        }
        (self.shape, self.scale) = (shape, scale)
        shift = Factors(shape.elementCount, draft.options) {
            Double(parameters[1].float($0)) - Double(parameters[2].float($0)) * scale[$0]
        }
    }

    private init?(_ node: Draft.Node, _ function: Arithmetic.Function, _ draft: Draft) {
        guard let position = node.inputs.firstIndex(where: { draft.constants[$0] != nil }),
            let constant = draft.constants[node.inputs[position]]
        else { return nil }
        input = node.inputs[1 - position]
        let dimensions = draft.shape(input)
        let rank = dimensions.count
        guard rank >= 3, draft.shape(node.output) == dimensions, dimensions[1] <= Self.maximumChannels,
            let shape = try? Shape([dimensions[1]]), constant.element == .float32
        else { return nil }
        // The constant's extents in the operand's rank. All but that of the channels have to be 1.
        let extents = [Int](repeating: 1, count: rank - constant.shape.rank) + constant.shape.dimensions
        guard extents.indices.allSatisfy({ $0 == 1 || extents[$0] == 1 }) else { return nil }
        self.shape = shape
        func factors(_ factor: (Double) -> Double) -> Factors {
            Factors(dimensions[1], draft.options) { factor(Double(constant.float(extents[1] == 1 ? 0 : $0))) }
        }
        switch (function, position) {
        case (.add, _): (scale, shift) = (factors { _ in 1 }, factors { $0 })
        case (.multiply, _): (scale, shift) = (factors { $0 }, factors { _ in 0 })
        case (.subtract, 1): (scale, shift) = (factors { _ in 1 }, factors { -$0 })
        case (.subtract, _): (scale, shift) = (factors { _ in -1 }, factors { $0 })
        case (.divide, 1) where constant.withElements(as: Float.self, { $0.allSatisfy { $0 != 0 } }):
            (scale, shift) = (factors { 1 / $0 }, factors { _ in 0 })
        case (.divide, _), (.maximum, _), (.minimum, _), (.power, _), (.equal, _), (.greater, _), (.greaterOrEqual, _),
            (.keep, _):
            return nil
        }
    }

    /// The scaling that equals an earlier one, with `[channels]` elements in `first` and `firstShift`, followed by this
    /// one.
    func after(scale first: Tensor, shift firstShift: Tensor, _ options: PlanOptions) -> ChannelScaling {
        var composed = self
        composed.shift = Factors(shift.count, options) { scale[$0] * Double(firstShift.float($0)) + shift[$0] }
        composed.scale = Factors(scale.count, options) { scale[$0] * Double(first.float($0)) }
        return composed
    }

    /// Adds scale and shift to the draft as float32 constants, and returns their names.
    func constants(_ node: String, _ draft: inout Draft) -> [String] {
        let scales = Constants.make(shape, draft.options) { Float(scale[$0]) }
        let shifts = Constants.make(shape, draft.options) { Float(shift[$0]) }
        return [draft.addConstant(scales, "\(node)/scale"), draft.addConstant(shifts, "\(node)/shift")]
    }
}
