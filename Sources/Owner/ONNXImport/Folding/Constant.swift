import Tensors

/// A value that is known while the graph is read.
enum Constant {
    case tensor(Tensor)
    /// Values of a type that graphs do not have. Only `Cast` takes them.
    case wide(WideConstant)

    /// `nil` for a type that graphs do not have.
    var tensor: Tensor? {
        guard case .tensor(let tensor) = self else { return nil }
        return tensor
    }
}

/// Elements of float16 or float64.
struct WideConstant {
    let typeName: String
    let shape: Shape
    let values: [Double]
}

/// Bytes that constant operators may still make.
struct FoldingBudget {
    private var left = ONNXModel.maximumFoldedBytes

    /// - Throws: ``ONNXImportError`` with code `tooLarge`.
    mutating func spend(_ type: TensorType) throws(ONNXImportError) {
        guard type.byteCount <= left else {
            throw ONNXImportError(
                .tooLarge,
                "the constant \(type) exceeds the \(ONNXModel.maximumFoldedBytes) bytes that a graph may make")
        }
        left -= type.byteCount
    }
}
