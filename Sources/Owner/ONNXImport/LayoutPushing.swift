// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors

/// A value that is a transposition of another one. The following operations are computed on the base, before the
/// transposition, until a transposition back. So a channels-last network becomes a channels-first one.
struct TurnedValue {
    let base: String
    /// Dimension i of the value is dimension `permutation[i]` of the base.
    let permutation: [Int]

    var inverse: [Int] {
        var inverse = permutation
        for (index, axis) in permutation.enumerated() { inverse[axis] = index }
        return inverse
    }

    /// The operation on the base that corresponds to an operation on the value, with other operands of one element
    /// each.
    ///
    /// - Returns: `nil` for an operation that needs the transposed value.
    func moved(_ operation: Operation) -> (operation: Operation, keepsOrder: Bool)? {
        switch operation {
        case .activation, .identity: return (operation, true)
        case .quantizeLinear, .dequantizeLinear: return (operation, true)
        case .concat(let concat):
            let axis = concat.axis < 0 ? concat.axis + permutation.count : concat.axis
            guard permutation.indices.contains(axis) else { return nil }
            return (.concat(Concat(axis: permutation[axis])), true)
        case .pad(let pad):
            let rank = permutation.count
            guard pad.pads.count == 2 * rank else { return nil }
            let pads = (0..<2 * rank).map { pad.pads[inverse[$0 % rank] + ($0 < rank ? 0 : rank)] }
            return (.pad(Pad(pad.mode, pads: pads, value: pad.value)), true)
        case .reduceMean(let mean):
            guard let moved = moved(mean) else { return nil }
            return (.reduceMean(moved), mean.keepsDimensions)
        case .reduction(let reduction):
            guard let moved = moved(reduction.extent) else { return nil }
            return (
                .reduction(Reduction(reduction.function, axes: moved.axes, keepsDimensions: moved.keepsDimensions)),
                moved.keepsDimensions
            )
        default: return nil
        }
    }

    private func moved(_ mean: ReduceMean) -> ReduceMean? {
        let rank = permutation.count
        let axes = mean.axes.map { $0 < 0 ? $0 + rank : $0 }
        guard !axes.isEmpty, axes.allSatisfy(permutation.indices.contains) else { return nil }
        let left = permutation.indices.filter { !axes.contains($0) }.map { permutation[$0] }
        guard mean.keepsDimensions || left == left.sorted() else { return nil }
        return ReduceMean(axes: axes.map { permutation[$0] }.sorted(), keepsDimensions: mean.keepsDimensions)
    }
}
