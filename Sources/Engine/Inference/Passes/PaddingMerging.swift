// SPDX-License-Identifier: Apache-2.0
import ModelGraph

/// Merges a Pad into the convolution or pooling that follows, where both pad with the same value.
enum PaddingMerging: Pass {
    static let name = "padding merging"
    // Uses by dead nodes would count.
    static var after: [any Pass.Type] { [ConstantFolding.self, DeadCodeRemoval.self] }
    private static let maximumConvolutionPadding = 256

    static func apply(to draft: inout Draft) {
        draft.rewrite { draft, rewriting, position in
            let node = draft.nodes[position]
            guard let first = node.inputs.first, let producer = rewriting.producer(ofOnlyUse: first),
                case .operation(.pad(let pad)) = draft.nodes[producer].kind, pad.mode == .constant,
                let spatial = spatialPads(pad, rank: draft.shape(first).count)
            else { return }
            switch node.kind {
            case .operation(.convolution(var convolution)) where pad.value == 0:
                convolution.window.pads = zip(convolution.window.pads, spatial).map { $0 + $1 }
                // Where the padding is much wider than the window, a separate copy is cheaper.
                guard convolution.window.pads.allSatisfy({ $0 <= maximumConvolutionPadding }) else { return }
                draft.nodes[position].kind = .operation(.convolution(convolution))
            case .operation(.pooling(var pooling))
            where pooling.kind == .maximum && pad.value == -.infinity && !pooling.ceil
                || pooling.kind == .averageWithPadding && pad.value == 0 && !pooling.ceil:
                pooling.window.pads = zip(pooling.window.pads, spatial).map { $0 + $1 }
                // No window may lie entirely in the padding.
                guard zip(pooling.window.pads, pooling.window.kernel + pooling.window.kernel).allSatisfy({ $0 < $1 })
                else { return }
                draft.nodes[position].kind = .operation(.pooling(pooling))
            default: return
            }
            draft.nodes[position].inputs[0] = draft.nodes[producer].inputs[0]
            draft.nodes[position].fused.append(draft.nodes[producer].name)
            draft.note(Self.self, node.name)
        }
        DeadCodeRemoval.apply(to: &draft)
    }

    /// Pads of the axes from 2 on, first those before, then those after; `nil` if another axis is padded or any is
    /// cropped.
    private static func spatialPads(_ pad: Pad, rank: Int) -> [Int]? {
        guard rank >= 3, pad.pads.allSatisfy({ $0 >= 0 }) else { return nil }
        let (before, after) = (pad.pads.prefix(rank), pad.pads.suffix(rank))
        guard before.prefix(2).allSatisfy({ $0 == 0 }), after.prefix(2).allSatisfy({ $0 == 0 }) else { return nil }
        return Array(before.dropFirst(2)) + Array(after.dropFirst(2))
    }
}
