// SPDX-License-Identifier: Apache-2.0
import Tensors
import Testing

@Suite("Shapes")
struct ShapeTests {
    @Test("Counts and strides equal those of a dense row-major layout")
    func layout() throws {
        let shape = try Shape([2, 3, 4])
        #expect(shape.elementCount == 24)
        #expect(shape.strides == [12, 4, 1])
        #expect(try Shape([]).elementCount == 1)
        #expect(try Shape([5, 0, 7]).elementCount == 0)
    }

    @Test(
        "Negative, too many and too large dimensions are refused",
        arguments: [
            [-1], [3, -2], [Int.min], [Int.max], [Int.max, 2], [1 << 34, 2], [0, Int.max, Int.max],
            [1 << 20, 1 << 20], [Int](repeating: 1, count: 13), [(1 << 34) + 1],
        ])
    func refused(_ dimensions: [Int]) {
        let error = #expect(throws: TensorError.self) { try Shape(dimensions) }
        #expect(error?.code == .invalidShape)
    }

    @Test("Values at the limits are accepted")
    func limits() throws {
        #expect(try Shape([1 << 34]).elementCount == Shape.maximumElementCount)
        #expect(try Shape([Int](repeating: 2, count: 12)).rank == Shape.maximumRank)
    }

    @Test("A tensor keeps its elements under another shape and refuses a shape of another size")
    func reshaping() throws {
        let tensor = try Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3])
        #expect(try tensor.reshaped([3, 2, 1]).floats() == [1, 2, 3, 4, 5, 6])
        #expect(throws: TensorError.self) { try tensor.reshaped([5]) }
        #expect(throws: TensorError.self) { try Tensor([1, 2] as [UInt8], shape: [3]) }
        #expect(throws: TensorError.self) { try tensor.uint8s() }
    }
}
