// SPDX-License-Identifier: Apache-2.0
package import Tensors
package import Testing

/// Expects the same type, and every element within `absolute + relative * |expected|`. Equal infinities are close, and
/// NaN is close to NaN.
package func expectClose(
    _ actual: Tensor, _ expected: Tensor, relative: Float, absolute: Float, _ comment: Comment? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
) throws {
    let difference = try firstDifference(actual, expected) { absolute + relative * abs($0) }
    #expect(difference == nil, comment, sourceLocation: sourceLocation)
}

/// Expects the same type, and every element within `relative` times the largest magnitude expected.
package func expectClose(
    _ actual: Tensor, _ expected: Tensor, relativeToLargest relative: Float, _ comment: Comment? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
) throws {
    let largest = try expected.floats().reduce(0) { max($0, abs($1)) }
    let difference = try firstDifference(actual, expected) { _ in relative * largest }
    #expect(difference == nil, comment, sourceLocation: sourceLocation)
}

/// A description of the first element that is not close, or `nil`. Types other than float32 must be equal.
package func firstDifference(
    _ actual: Tensor, _ expected: Tensor, tolerance: (Float) -> Float
) throws -> String? {
    guard actual.type == expected.type else { return "found \(actual.type), expected \(expected.type)" }
    guard actual.element == .float32 else {
        let isEqual = actual.withBytes { a in expected.withBytes { b in a.elementsEqual(b) } }
        return isEqual ? nil : "elements of \(actual.type) differ"
    }
    for (index, (a, b)) in zip(try actual.floats(), try expected.floats()).enumerated() {
        let isClose = a == b || (a.isNaN && b.isNaN) || abs(a - b) <= tolerance(b)
        if !isClose { return "element \(index) is \(a), expected \(b)" }
    }
    return nil
}
