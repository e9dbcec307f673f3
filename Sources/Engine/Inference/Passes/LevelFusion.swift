// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors

/// Fuses rounding to levels into the convolution of 8-bit integers that produces its operand, if that value has no
/// other use.
enum LevelFusion: Pass {
    static let name = "level fusion"
    // The first produces the levels. The second fuses the functions between convolution and levels.
    static var after: [any Pass.Type] { [QuantizationMerging.self, ActivationFusion.self] }

    static func apply(to draft: inout Draft) {
        draft.rewrite { draft, rewriting, position in
            let node = draft.nodes[position]
            guard case .levels(let levels) = node.kind, node.post.isEmpty,
                let producer = rewriting.producer(ofOnlyUse: node.inputs[0]),
                draft.multipliesIntegers(draft.nodes[producer], rewriting.producers)
            else { return }
            draft.nodes[producer].post.append(.levels(levels))
            draft.nodes[producer].fused += [node.name] + node.fused
            draft.nodes[producer].output = node.output
            rewriting.producers[node.output] = producer
            rewriting.dead.insert(position)
            draft.note(Self.self, node.name)
        }
    }
}

extension Draft {
    /// Whether a node is a convolution that multiplies 8-bit integers: its weights are symmetric integers with scales,
    /// its bias is a float32 constant, and its input has levels that 8-bit integers hold.
    func multipliesIntegers(_ node: Node, _ producers: [String: Int]) -> Bool {
        // The engine's own quantisation to 8-bit integers uses other formats.
        guard options.multipliesIntegers, options.precision.level != .integer8,
            Precision.hasInstructions(for: .integer8), case .operation(.convolution) = node.kind
        else { return false }
        let operands = Array(node.operands)
        guard integers[operands[1]] != nil, operands.count < 3 || constants[operands[2]]?.element == .float32 else {
            return false
        }
        return integerSource(operands[0], producers) != nil
    }

    /// The value with levels that convolutions of `name` read as integers: `name` itself, or the operand of the maximum
    /// poolings that compute `name`.
    func integerSource(_ name: String, _ producers: [String: Int]) -> (name: String, levels: Levels)? {
        guard let position = producers[name] else { return nil }
        let node = nodes[position]
        switch node.kind {
        case .operation(.pooling(let pooling)) where keepsLevels(pooling, node):
            return integerSource(node.inputs[0], producers)
        case .levels(let levels) where node.post.isEmpty: return levels.element == nil ? nil : (name, levels)
        default:
            guard let levels = node.post.last?.levels, levels.element != nil else { return nil }
            return (name, levels)
        }
    }

    /// Whether a pooling returns only elements of its operand: a maximum over windows none of which is all padding.
    func keepsLevels(_ pooling: Pooling, _ node: Node) -> Bool {
        let (extents, results) = (shape(node.inputs[0]).dropFirst(2), shape(node.output).dropFirst(2))
        let window = pooling.window
        return pooling.kind == .maximum
            && zip(extents, results).enumerated().allSatisfy { axis, counts in
                let (extent, result) = counts
                let reach = (window.kernel[axis] - 1) * window.dilations[axis]
                let last = (result - 1) * window.strides[axis] - window.padBefore(axis)
                let isInside = window.padBefore(axis) == 0 && last + reach < extent
                return isInside
                    || window.dilations[axis] == 1 && window.padBefore(axis) < window.kernel[axis] && last < extent
            }
    }

    /// The values that are stored as 8-bit integers, by name: operands of convolutions of integers, and values that
    /// these add to their results. A value is its integer times the step of its levels. The graph's outputs stay
    /// float32.
    var storedLevels: [String: Levels] {
        let producers = producers
        var stored: [String: Levels] = [:]
        for node in nodes where multipliesIntegers(node, producers) {
            let added = node.post.contains(where: \.takesOperand) ? node.inputs.last : nil
            for case .some(let name) in [node.inputs.first, added] {
                if let source = integerSource(name, producers), !outputs.contains(source.name) {
                    stored[source.name] = source.levels
                }
            }
        }
        return stored
    }
}
