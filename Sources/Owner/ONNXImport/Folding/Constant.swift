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

/// The remaining limits of bytes and steps for constant folding.
struct FoldingBudget {
    private var left = ONNXModel.maximumFoldedBytes
    private var stepsLeft = ONNXModel.maximumFoldingSteps

    /// Adds to the budget for the file's own weights, which may be transposed and scaled.
    mutating func grant(_ weights: TensorType) {
        left += weights.byteCount
        stepsLeft += weights.shape.elementCount
    }

    /// - Throws: ``ONNXImportError`` with code `tooLarge`.
    mutating func spend(_ type: TensorType) throws(ONNXImportError) {
        guard type.byteCount <= left else {
            throw ONNXImportError(
                .tooLarge,
                "the constant \(type) exceeds the \(ONNXModel.maximumFoldedBytes) bytes, beside those of its weights, that a graph may make"
            )
        }
        left -= type.byteCount
    }

    /// Temporary memory for a constant's computation, 8 bytes per position, counts like a result.
    ///
    /// - Throws: ``ONNXImportError`` with code `tooLarge`.
    mutating func spend(positions count: Int) throws(ONNXImportError) {
        try spend(TensorType(.int64, try ConstantFolder.shape([count])))
    }

    /// - Parameter steps: Multiplications or comparisons of the next computation.
    /// - Throws: ``ONNXImportError`` with code `tooLarge`.
    mutating func spend(steps: Int) throws(ONNXImportError) {
        guard steps <= stepsLeft else {
            throw ONNXImportError(
                .tooLarge,
                "arithmetic on constants exceeds the \(ONNXModel.maximumFoldingSteps) steps that a graph may take")
        }
        stepsLeft -= steps
    }
}
