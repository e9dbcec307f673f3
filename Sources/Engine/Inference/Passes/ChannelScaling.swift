// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors

/// y = scale * x + shift, with one scale and one shift per channel (axis 1).
struct ChannelScaling {
    let input: String
    /// A tensor without elements may declare any number of channels. Above this number, which no layer has, the node is
    /// left as it is.
    private static let maximumChannels = 1 << 20

    /// `[channels]`
    let shape: Shape
    private(set) var scale: [Double]
    private(set) var shift: [Double]

    /// The node's computation, if it has this form with constants.
    init?(_ node: Draft.Node, _ draft: Draft) {
        switch node.kind {
        case .operation(.batchNormalization(let normalization)): self.init(node, normalization, draft)
        case .operation(.arithmetic(let arithmetic)): self.init(node, arithmetic.function, draft)
        default: return nil
        }
    }

    private init?(_ node: Draft.Node, _ normalization: BatchNormalization, _ draft: Draft) {
        var parameters: [[Float]] = []
        for input in node.inputs.dropFirst() {
            guard let values = try? draft.constants[input]?.floats() else { return nil }
            parameters.append(values)
        }
        input = node.inputs[0]
        shape = draft.type(node.inputs[1]).shape
        scale = zip(parameters[0], parameters[3]).map {
            Double($0) / (Double($1) + Double(normalization.epsilon)).squareRoot()
        }
        shift = zip(scale, zip(parameters[1], parameters[2])).map { Double($1.0) - Double($1.1) * $0 }
    }

    private init?(_ node: Draft.Node, _ function: Arithmetic.Function, _ draft: Draft) {
        guard let position = node.inputs.firstIndex(where: { draft.constants[$0] != nil }),
            let constant = draft.constants[node.inputs[position]]
        else { return nil }
        input = node.inputs[1 - position]
        let dimensions = draft.shape(input)
        let rank = dimensions.count
        guard rank >= 3, draft.shape(node.output) == dimensions, dimensions[1] <= Self.maximumChannels,
            let shape = try? Shape([dimensions[1]]),
            let values = try? constant.floats()
        else { return nil }
        // Extents of 1 except for the channels.
        let extents = [Int](repeating: 1, count: rank - constant.shape.rank) + constant.shape.dimensions
        guard extents.indices.allSatisfy({ $0 == 1 || extents[$0] == 1 }) else { return nil }
        self.shape = shape
        let perChannel = (0..<dimensions[1]).map { Double(values[extents[1] == 1 ? 0 : $0]) }
        switch (function, position) {
        case (.add, _): (scale, shift) = (perChannel.map { _ in 1 }, perChannel)
        case (.multiply, _): (scale, shift) = (perChannel, perChannel.map { _ in 0 })
        case (.subtract, 1): (scale, shift) = (perChannel.map { _ in 1 }, perChannel.map { -$0 })
        case (.subtract, _): (scale, shift) = (perChannel.map { _ in -1 }, perChannel)
        case (.divide, 1) where values.allSatisfy({ $0 != 0 }):
            (scale, shift) = (perChannel.map { 1 / $0 }, perChannel.map { _ in 0 })
        case (.divide, _), (.maximum, _), (.minimum, _), (.power, _), (.equal, _), (.greater, _), (.greaterOrEqual, _),
            (.keep, _):
            return nil
        }
    }

    /// The composition of an earlier scaling with this one.
    func after(scale first: [Float], shift firstShift: [Float]) -> ChannelScaling {
        var composed = self
        composed.shift = zip(zip(scale, firstShift), shift).map { $0.0 * Double($0.1) + $1 }
        composed.scale = zip(scale, first).map { $0 * Double($1) }
        return composed
    }

    /// Adds scale and shift as constants and returns their names.
    func constants(_ node: String, _ draft: inout Draft) -> [String] {
        let scales = Constants.make(shape, draft.options) { Float(scale[$0]) }
        let shifts = Constants.make(shape, draft.options) { Float(shift[$0]) }
        return [draft.addConstant(scales, "\(node)/scale"), draft.addConstant(shifts, "\(node)/shift")]
    }
}
