// SPDX-License-Identifier: Apache-2.0
import OneDNN

extension Lowering {
    /// Chooses where a product with a residual addend writes: over the addend if no other step needs it; otherwise to
    /// new memory, if the code can read the addend as a separate operand; otherwise over a copy of the addend.
    ///
    /// - Parameters:
    ///   - chosen: The layout of the result.
    ///   - primitive: Accumulates on its destination; replaced if the addend is a separate operand.
    ///   - arguments: The addend is added if it is a separate operand.
    ///   - describe: Makes the primitive with other post-operations.
    /// - Returns: The value to write over; `nil` if nothing is added, or if the result needs new memory.
    mutating func accumulated(
        _ node: Draft.Node, _ chosen: TensorLayout, _ primitive: inout PrimitiveDescription,
        _ arguments: inout [(argument: Argument, value: Int)],
        describe: (PrimitiveDescription, [PostOperation]) throws(OneDNNError) -> PrimitiveDescription
    ) throws(OneDNNError) -> Int? {
        guard let addition = node.post.firstIndex(where: \.takesOperand), let name = node.inputs.last else {
            return nil
        }
        let operand = try storedValue(of: name)
        guard layout(operand) == chosen else { return alias(try copied(operand, to: chosen, for: node), as: chosen) }
        if mayOverwrite(name, in: node) { return alias(operand, as: chosen) }
        var post = node.post.operations
        post[addition] = .binary(.add, chosen)
        let (added, fits) = try fit(post) { (post) throws(OneDNNError) in try describe(primitive, post) }
        guard fits, !added.isReference else { return alias(try copied(operand, to: chosen, for: node), as: chosen) }
        primitive = added
        arguments.append((.postOperand(addition), operand))
        return nil
    }

    /// Applies post-operations of a node in separate steps, for a product whose primitive does not support them. No
    /// other step may use the value.
    mutating func applyingWithAddition(
        _ post: ArraySlice<Draft.Post>, of node: Draft.Node, to value: Int
    ) throws(OneDNNError) -> Int {
        var result = value
        for (position, post) in zip(post.indices, post) {
            switch post {
            case .elementwise(let function):
                result = try emitElementwise(function, result, overwriting: true, for: node)
            case .levels(let levels):
                let isLast = position == node.post.endIndex - 1
                let stored = isLast && storedLevels[node.output] != nil
                result = try emitLevels(levels, of: result, storesFactors: stored, overwriting: true, for: node)
            case .add:
                guard let name = node.inputs.last else { continue }
                let operand = try converted(try storedValue(of: name), to: layout(result), for: node)
                result = try emitBinary(.add, result, operand, post: [], for: node)
            }
        }
        return result
    }
}
