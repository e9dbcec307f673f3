// SPDX-License-Identifier: Apache-2.0
internal import ModelGraph
internal import Tensors

extension NodeDerivative {
    func concatPaths(
        _ concat: Concat, _ position: Int, _ graph: GraphBuilder
    ) throws(DifferentiationError) -> Paths {
        let shape = graph.shape(of: y)
        let axis = concat.axis < 0 ? concat.axis + shape.rank : concat.axis
        func extent(_ operands: ArraySlice<String>) -> Int {
            operands.reduce(0) { $0 + graph.shape(of: $1)[axis] }
        }
        var pads = [Int](repeating: 0, count: 2 * shape.rank)
        pads[axis] = extent(node.inputs[..<position])
        pads[shape.rank + axis] = extent(node.inputs[(position + 1)...])
        return [[.pad(pads)]]
    }

    func slicePaths(_ slice: Slice, _ graph: GraphBuilder) throws(DifferentiationError) -> Paths {
        let input = graph.shape(of: x)
        let ranges: [(start: Int, step: Int, count: Int)]
        do throws(GraphError) { ranges = try slice.ranges(of: input) } catch { throw DifferentiationError(error) }
        guard ranges.allSatisfy({ $0.step > 0 }) else { throw DifferentiationError("a step is negative") }
        let kept = ranges.map { ($0.count - 1) * $0.step + 1 }
        let pads =
            ranges.map { -$0.start } + ranges.indices.map { ranges[$0].start + kept[$0] - input[$0] }
        return [[.pad(pads), .subsample(steps: ranges.map(\.step), from: try graph.shape(kept))]]
    }

    func padPaths(_ pad: Pad) throws(DifferentiationError) -> Paths {
        guard pad.mode == .constant else {
            throw DifferentiationError("padding by '\(pad.mode)' is not differentiated")
        }
        return [[.pad(pad.pads)]]
    }
}
