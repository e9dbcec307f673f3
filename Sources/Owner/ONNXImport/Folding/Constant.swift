// SPDX-License-Identifier: Apache-2.0
import ONNXFormat
import Tensors

/// A value that is known at import.
struct Constant {
    let tensor: Tensor
    /// The type in the file, if graphs do not have it. Floats of other widths are stored as float32, integers in the
    /// next wider type that graphs have.
    let narrow: ONNXTensorProto.DataType?

    init(_ tensor: Tensor, narrow: ONNXTensorProto.DataType? = nil) {
        self.tensor = tensor
        self.narrow = narrow
    }
}

/// The remaining limits of bytes and steps for constant folding. Without them, a file of a few hundred bytes could
/// require any number of elements. They keep the cost of a file, even of a refused one, in proportion to its size.
struct FoldingBudget {
    private var left = ONNXModel.maximumFoldedBytes
    private var fillsLeft = ONNXModel.maximumFilledBytes
    private var stepsLeft = ONNXModel.maximumFoldingSteps
    private var largestWeight = 0

    /// Adds to the budget for the file's own weights, which may be standardised, transposed and scaled.
    mutating func grant(_ weights: TensorType) {
        grant(elements: weights.shape.elementCount)
    }

    mutating func grant(elements count: Int) {
        left += 16 * count
        stepsLeft += 32 * count
        largestWeight = max(largestWeight, count)
    }

    private func allows(_ count: Int, atMost limit: Int) -> Bool { count <= limit + 4 * largestWeight }

    private func require(_ count: Int, atMost limit: Int) throws(ONNXImportError) {
        guard allows(count, atMost: limit) else {
            throw ONNXImportError(
                .tooLarge, "arithmetic on constants of \(count) elements exceeds the limit of \(limit): \(Self.remedy)")
        }
    }

    private static let remedy =
        "save the model with its constants computed (onnxslim), or export it for a smaller picture"

    /// - Throws: ``ONNXImportError`` with code `tooLarge`.
    mutating func spend(_ type: TensorType) throws(ONNXImportError) {
        try require(type.shape.elementCount, atMost: ONNXModel.maximumFoldedElements)
        guard type.byteCount <= left else {
            throw ONNXImportError(
                .tooLarge,
                "the constant \(type) exceeds the \(ONNXModel.maximumFoldedBytes) bytes, beside 16 for each of its weights, that a graph may make: \(Self.remedy)"
            )
        }
        left -= type.byteCount
        try spend(steps: type.shape.elementCount.multipliedClamping(by: 2))
    }

    /// Charges a constant with one value everywhere, which small files have in place of weights.
    ///
    /// - Throws: ``ONNXImportError`` with code `tooLarge`.
    mutating func spend(fill type: TensorType) throws(ONNXImportError) {
        guard type.byteCount <= fillsLeft else {
            throw ONNXImportError(
                .tooLarge,
                "the constant \(type) exceeds the \(ONNXModel.maximumFilledBytes) bytes of constants of one value that a graph may make: \(Self.remedy)"
            )
        }
        fillsLeft -= type.byteCount
    }

    /// Charges a computation that copies this many elements of its operands or result into arrays of 64-bit numbers.
    /// Such an element costs several steps.
    ///
    /// - Throws: ``ONNXImportError`` with code `tooLarge`.
    mutating func spend(numbers count: Int) throws(ONNXImportError) {
        try require(count, atMost: ONNXModel.maximumFoldedNumbers)
        try spend(steps: count.multipliedClamping(by: 4))
    }

    /// - Parameter steps: Multiplications or comparisons of the next computation.
    /// - Throws: ``ONNXImportError`` with code `tooLarge`.
    mutating func spend(steps: Int) throws(ONNXImportError) {
        guard steps <= stepsLeft else {
            throw ONNXImportError(
                .tooLarge,
                "arithmetic on constants exceeds the \(ONNXModel.maximumFoldingSteps) steps, beside those for its weights, that a graph may take: \(Self.remedy)"
            )
        }
        stepsLeft -= steps
    }

    /// Whether ``spend(steps:)`` would succeed.
    func has(steps: Int) -> Bool { steps <= stepsLeft }

    /// Whether this many elements are below the limit of ``spend(numbers:)``.
    func allows(numbers count: Int) -> Bool { allows(count, atMost: ONNXModel.maximumFoldedNumbers) }
}
