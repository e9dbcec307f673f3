import ONNXFormat
import Tensors

/// A value that is known while the graph is read.
struct Constant {
    let tensor: Tensor
    /// The type in the file where graphs have none such. Floats of other widths are held in float32, integers in the
    /// next wider type that graphs have.
    let narrow: ONNXTensorProto.DataType?

    init(_ tensor: Tensor, narrow: ONNXTensorProto.DataType? = nil) {
        self.tensor = tensor
        self.narrow = narrow
    }
}

/// Bytes that constant operators may still make, and steps that they may still take.
struct FoldingBudget {
    private var left = ONNXModel.maximumFoldedBytes
    private var stepsLeft = ONNXModel.maximumFoldingSteps

    /// What a file holds it may also turn and scale.
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

    /// What is set aside while a constant is computed, 8 bytes for each of so many positions, counts like results.
    ///
    /// - Throws: ``ONNXImportError`` with code `tooLarge`.
    mutating func spend(positions count: Int) throws(ONNXImportError) {
        try spend(TensorType(.int64, try ConstantFolder.shape([count])))
    }

    /// - Parameter steps: Multiplications or comparisons that are about to be done.
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
