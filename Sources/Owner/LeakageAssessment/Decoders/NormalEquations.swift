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

    package init(features: Int, outputs: Int) { self.init(features: features, outputs: outputs, holdingRows: true) }

    private init(features: Int, outputs: Int, holdingRows: Bool) {
        self.features = features
        self.outputs = outputs
        gram = SymmetricMatrix(size: features)
        cross = [Double](repeating: 0, count: features * outputs)
        block = [Double](repeating: 0, count: holdingRows ? Self.blockRows * features : 0)
        blockOutputs = [Double](repeating: 0, count: holdingRows ? Self.blockRows * outputs : 0)
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

    /// The same rows with the last `count` features only. The sums must be flushed.
    package func trailing(_ count: Int) -> NormalEquations {
        precondition(filled == 0 && count <= features)
        var result = NormalEquations(features: count, outputs: outputs, holdingRows: false)
        let first = features - count
        result.gram = gram.trailing(count)
        result.cross = Array(cross[(first * outputs)...])
        result.squares = squares
        return result
    }

    /// The ridge solution `[features, outputs]` for a penalty relative to the mean diagonal; `nil` if there is none.
    package func weights(penalty: Double) -> [Double]? {
        let sides = Self.transpose(cross, rows: features, columns: outputs)
        let ridge = penalty * gram.meanDiagonal
        guard let solution = gram.solve(ridge: ridge, unpenalized: 1, sides: sides) else { return nil }
        return Self.transpose(solution, rows: outputs, columns: features)
    }

    /// Sum of the squared errors of these weights on these rows: tr(W'AW) - 2 tr(W'B) + sum y².
    package func squaredError(of weights: [Double]) -> Double {
        precondition(weights.count == features * outputs)
        let product = MatrixProduct.multiply(
            gram.full, weights, rows: features, inner: features, columns: outputs)
        var error = squares
        for index in weights.indices { error += weights[index] * (product[index] - 2 * cross[index]) }
        return error
    }

    private static func transpose(_ matrix: [Double], rows: Int, columns: Int) -> [Double] {
        [Double](unsafeUninitializedCapacity: matrix.count) { result, count in
            matrix.withUnsafeBufferPointer { matrix in
                for row in 0..<rows {
                    for column in 0..<columns { result[column * rows + row] = matrix[row * columns + column] }
                }
            }
            count = matrix.count
        }
    }
}
