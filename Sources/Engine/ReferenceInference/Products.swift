// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors

extension ReferenceExecutor {
    /// Operands: A, B, optionally C.
    static func multiply(_ operands: [FloatArray], _ gemm: Gemm, _ result: Shape) -> [Float] {
        let (a, b) = (operands[0], operands[1])
        let inner = a.shape[gemm.transposeA ? 0 : 1]
        return (0..<result.elementCount).map { position in
            let (row, column) = (position / result[1], position % result[1])
            var sum = 0.0
            for k in 0..<inner {
                let x = a.values[gemm.transposeA ? k * result[0] + row : row * inner + k]
                let y = b.values[gemm.transposeB ? column * inner + k : k * result[1] + column]
                sum += Double(x) * Double(y)
            }
            sum *= Double(gemm.alpha)
            if operands.count == 3 {
                let indices = [row, column].suffix(operands[2].shape.rank)
                sum += Double(gemm.beta) * Double(operands[2].values[operands[2].shape.position(of: indices)])
            }
            return Float(sum)
        }
    }

    /// Matrix product as in NumPy: the last two dimensions are matrices, those before them broadcast, and a vector is a
    /// matrix of one row or column.
    static func multiply(_ a: FloatArray, _ b: FloatArray, _ result: Shape) throws -> [Float] {
        let left = a.shape.rank == 1 ? [1] + a.shape.dimensions : a.shape.dimensions
        let right = b.shape.rank == 1 ? b.shape.dimensions + [1] : b.shape.dimensions
        let inner = left[left.count - 1]
        let (rows, columns) = (left[left.count - 2], right[right.count - 1])
        let (leftBatch, rightBatch) = (try Shape(left.dropLast(2)), try Shape(right.dropLast(2)))
        let matrices = rows * columns == 0 ? 0 : result.elementCount / (rows * columns)
        let rank = max(leftBatch.rank, rightBatch.rank)
        let batch = try Shape(Array(result.dimensions.prefix(rank)))
        var values: [Float] = []
        for matrix in 0..<matrices {
            let indices = batch.indices(of: matrix)
            let x = leftBatch.position(of: indices.suffix(leftBatch.rank)) * rows * inner
            let y = rightBatch.position(of: indices.suffix(rightBatch.rank)) * inner * columns
            for row in 0..<rows {
                for column in 0..<columns {
                    let sum = (0..<inner).reduce(0.0) { sum, k in
                        sum + Double(a.values[x + row * inner + k]) * Double(b.values[y + k * columns + column])
                    }
                    values.append(Float(sum))
                }
            }
        }
        return values
    }
}
