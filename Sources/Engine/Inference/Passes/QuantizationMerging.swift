// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import OneDNN
import Tensors

/// Merges QuantizeLinear with its only use, a DequantizeLinear of the same scale and zero point. The result is float32
/// values rounded to levels: one step, in any layout. The bounds of a preceding activation become bounds of the levels.
enum QuantizationMerging: Pass {
    static let name = "quantization merging"
    // Scales are constants, and dead nodes count as uses.
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
    }

    /// The levels of the two nodes together; `nil` where their parameters differ, are not constant, or are not single
    /// values.
    private static func levels(_ quantize: Draft.Node, _ dequantize: Draft.Node, _ draft: Draft) -> Draft.Levels? {
        guard let step = number(quantize.inputs[1], draft), step == number(dequantize.inputs[1], draft), step.isNormal,
            step > 0, let zero = zeroPoint(quantize.inputs[2], draft),
            zero == zeroPoint(dequantize.inputs[2], draft)
        else { return nil }
        let range: ClosedRange<Int> = draft.type(quantize.output).element == .uint8 ? 0...255 : -128...127
        return Draft.Levels(
            step: step, lowest: Float(range.lowerBound - zero), highest: Float(range.upperBound - zero))
    }

    /// Rounding is monotonic, so a minimum or maximum before it equals one after it with rounded bounds.
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
