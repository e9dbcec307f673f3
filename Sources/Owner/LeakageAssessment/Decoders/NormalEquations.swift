// SPDX-License-Identifier: Apache-2.0
/// The sums for a ridge regression: products of features with features, features with outputs, outputs with outputs.
/// The last feature is the constant 1 and is not penalised.
package struct NormalEquations: Sendable {
    private static let blockRows = 512

    package let features: Int
    package let outputs: Int
    package private(set) var gram: SymmetricMatrix
    /// `[features, outputs]`.
    private var cross: [Double]
    /// Sum of the squared outputs.
    private var squares = 0.0

    private var block: [Double]
    private var blockOutputs: [Double]
    private var filled = 0

    package init(features: Int, outputs: Int) {
        self.features = features
        self.outputs = outputs
        gram = SymmetricMatrix(size: features)
        cross = [Double](repeating: 0, count: features * outputs)
        block = [Double](repeating: 0, count: Self.blockRows * features)
        blockOutputs = [Double](repeating: 0, count: Self.blockRows * outputs)
    }

    /// Adds one row, written by the closures, to the buffer. ``flush()`` adds it to the sums.
    package mutating func addRow(
        features fill: (UnsafeMutableBufferPointer<Double>) -> Void,
        outputs fillOutputs: (UnsafeMutableBufferPointer<Double>) -> Void
    ) {
        let (row, count, outputCount) = (filled, features, outputs)
        block.withUnsafeMutableBufferPointer { fill(.init(rebasing: $0[row * count..<(row + 1) * count])) }
        blockOutputs.withUnsafeMutableBufferPointer {
            fillOutputs(.init(rebasing: $0[row * outputCount..<(row + 1) * outputCount]))
        }
        filled += 1
        if filled == Self.blockRows { flush() }
    }

    /// Adds the buffered rows to the sums.
    package mutating func flush() {
        let (block, blockOutputs, count) = (block, blockOutputs, filled)
        guard count > 0 else { return }
        filled = 0
        gram.addGram(of: block.span.extracting(0..<count * features))
        MatrixProduct.addTransposed(
            block.span.extracting(0..<count * features), blockOutputs.span.extracting(0..<count * outputs),
            rows: features, inner: count, columns: outputs, to: &cross)
        squares += blockOutputs.prefix(count * outputs).reduce(0) { $0 + $1 * $1 }
    }

    /// Adds the sums of other rows. Both must be flushed.
    package mutating func add(_ other: NormalEquations) {
        precondition(filled == 0 && other.filled == 0)
        gram.add(other.gram)
        for index in cross.indices { cross[index] += other.cross[index] }
        squares += other.squares
    }

    /// Adds the buffered rows to the sums and releases the buffer. No row can be added afterwards.
    package mutating func finish() {
        flush()
        (block, blockOutputs) = ([], [])
    }

    /// The ridge solution `[count, outputs]` for a penalty relative to the mean diagonal; `nil` if there is none.
    ///
    /// - Parameter count: Only the last `count` features are used; all of them by default.
    package func weights(penalty: Double, last count: Int? = nil) -> [Double]? {
        let count = count ?? features
        precondition(filled == 0 && count <= features)
        let gram = count == features ? gram : gram.trailing(count)
        let sides = cross.span.extracting(last: count * outputs)
        let ridge = penalty * gram.meanDiagonal
        guard
            let solution = gram.solve(
                ridge: ridge, unpenalized: 1, sides: Self.transpose(sides, rows: count, columns: outputs))
        else { return nil }
        return Self.transpose(solution.span, rows: outputs, columns: count)
    }

    /// Sum of the squared errors of these weights on these rows: tr(W'AW) - 2 tr(W'B) + sum y².
    ///
    /// - Parameter weights: `[count, outputs]`, of the last `count` features.
    package func squaredError(of weights: [Double]) -> Double {
        let count = outputs == 0 ? features : weights.count / outputs
        precondition(filled == 0 && weights.count == count * outputs && count <= features)
        let product = MatrixProduct.multiply(
            (count == features ? gram : gram.trailing(count)).full, weights, rows: count, inner: count,
            columns: outputs)
        let first = (features - count) * outputs
        var error = squares
        for index in weights.indices { error += weights[index] * (product[index] - 2 * cross[first + index]) }
        return error
    }

    private static func transpose(_ matrix: Span<Double>, rows: Int, columns: Int) -> [Double] {
        [Double](unsafeUninitializedCapacity: matrix.count) { result, count in
            for row in 0..<rows {
                for column in 0..<columns { result[column * rows + row] = matrix[row * columns + column] }
            }
            count = matrix.count
        }
    }
}
