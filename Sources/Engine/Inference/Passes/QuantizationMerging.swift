// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import OneDNN
import Tensors

/// Merges QuantizeLinear with its only use, a DequantizeLinear of the same scale and zero point, into one node that
/// rounds float32 values to levels and accepts any layout. The bounds of a preceding activation become bounds of the
/// levels.
enum QuantizationMerging: Pass {
    static let name = "quantization merging"
    // Scales have to be constants, and uses by dead nodes would count.
    static var after: [any Pass.Type] { [ConstantFolding.self, DeadCodeRemoval.self] }

    static func apply(to draft: inout Draft) {
        draft.rewrite { draft, rewriting, position in
            let node = draft.nodes[position]
            guard case .operation(.dequantizeLinear) = node.kind,
                let first = rewriting.producer(ofOnlyUse: node.inputs[0]),
                case .operation(.quantizeLinear) = draft.nodes[first].kind,
                let levels = levels(draft.nodes[first], node, draft)
            else { return }
            draft.nodes[first].kind = .levels(levels)
            draft.nodes[first].inputs.removeLast()
            draft.nodes[first].output = node.output
            draft.nodes[first].fused += [node.name] + node.fused
            rewriting.producers[node.output] = first
            rewriting.dead.insert(position)
            draft.note(Self.self, node.name)
            absorbBounds(into: first, &draft, &rewriting)
        }
        removeRepeated(from: &draft)
    }

    /// Removes rounding to levels that the operand has already. Exporters repeat it after a maximum pooling.
    private static func removeRepeated(from draft: inout Draft) {
        var (dead, replacements): (Set<Int>, [String: String]) = ([], [:])
        let producers = draft.producers
        for (position, node) in draft.nodes.enumerated() {
            guard case .levels(let levels) = node.kind, let earlier = levelsBefore(node, draft, producers),
                earlier.step == levels.step, earlier.lowest >= levels.lowest, earlier.highest <= levels.highest
            else { continue }
            dead.insert(position)
            replacements[node.output] = node.inputs[0]
            draft.note(Self.self, node.name)
        }
        draft.remove(dead)
        draft.replace(replacements)
    }

    /// The levels that all elements of a node's operand have.
    private static func levelsBefore(
        _ node: Draft.Node, _ draft: Draft, _ producers: [String: Int]
    ) -> Draft.Levels? {
        var name = node.inputs[0]
        while let position = producers[name] {
            switch draft.nodes[position].kind {
            case .levels(let levels): return levels
            case .operation(.pooling(let pooling)) where draft.keepsLevels(pooling, draft.nodes[position]):
                name = draft.nodes[position].inputs[0]
            case .view, .operation(.transpose): name = draft.nodes[position].inputs[0]
            default: return nil
            }
        }
        return nil
    }

    /// The levels to which the two nodes round together; `nil` if their parameters differ, are not constant, or have
    /// more than one element.
    private static func levels(_ quantize: Draft.Node, _ dequantize: Draft.Node, _ draft: Draft) -> Draft.Levels? {
        guard let step = number(quantize.inputs[1], draft), step == number(dequantize.inputs[1], draft), step.isNormal,
            step > 0, let zero = zeroPoint(quantize.inputs[2], draft),
            zero == zeroPoint(dequantize.inputs[2], draft)
        else { return nil }
        let range: ClosedRange<Int> = draft.type(quantize.output).element == .uint8 ? 0...255 : -128...127
        return Draft.Levels(
            step: step, stepName: quantize.inputs[1], lowest: Float(range.lowerBound - zero),
            highest: Float(range.upperBound - zero))
    }

    /// Replaces a ReLU or clip before the levels by bounds of the levels. Rounding is monotonic, so a bound before it
    /// equals the rounded bound after it.
    private static func absorbBounds(
        into position: Int, _ draft: inout Draft, _ rewriting: inout Rewriting
    ) {
        let node = draft.nodes[position]
        guard case .levels(var levels) = node.kind, let producer = rewriting.producer(ofOnlyUse: node.inputs[0]),
            case .elementwise(let function) = draft.nodes[producer].kind, draft.nodes[producer].post.isEmpty
        else { return }
        func level(_ bound: Float) -> Float {
            min(max((bound / levels.step).rounded(.toNearestOrEven), levels.lowest), levels.highest)
        }
        switch function.function {
        case .relu where function.alpha == 0: levels.lowest = level(0)
        case .clip where !function.alpha.isNaN && !function.beta.isNaN:
            (levels.lowest, levels.highest) = (level(function.alpha), level(function.beta))
        default: return
        }
        draft.nodes[position].kind = .levels(levels)
        draft.nodes[position].inputs[0] = draft.nodes[producer].inputs[0]
        draft.nodes[position].fused = draft.nodes[producer].fused + [draft.nodes[producer].name] + node.fused
        rewriting.dead.insert(producer)
        draft.note(Self.self, draft.nodes[producer].name)
    }

    private static func number(_ name: String, _ draft: Draft) -> Float? {
        guard let tensor = draft.constants[name], tensor.shape.elementCount == 1 else { return nil }
        return tensor.withElements(as: Float.self) { $0[0] }
    }

    private static func zeroPoint(_ name: String, _ draft: Draft) -> Int? {
        guard let tensor = draft.constants[name], tensor.shape.elementCount == 1 else { return nil }
        return tensor.withBytes { tensor.element == .uint8 ? Int($0[0]) : Int(Int8(bitPattern: $0[0])) }
    }
}
