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

    /// - Throws: ``ONNXImportError`` with code `tooLarge`.
    mutating func spend(_ type: TensorType) throws(ONNXImportError) {
        guard type.byteCount <= left else {
            throw ONNXImportError(
                .tooLarge,
                "the constant \(type) exceeds the \(ONNXModel.maximumFoldedBytes) bytes that a graph may make")
        }
        left -= type.byteCount
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
