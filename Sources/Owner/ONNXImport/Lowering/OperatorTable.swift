import ModelGraph

/// What each ONNX operator becomes.
typealias Lowering = @Sendable (inout ImportedNode) throws(ONNXImportError) -> Lowered

/// The operators that can be imported.
enum OperatorTable {
    static let lowerings: [String: Lowering] = [
        "Add": { (node) throws(ONNXImportError) in try node.arithmetic(.add) },
        "AveragePool": { (node) throws(ONNXImportError) in try node.averagePool() },
        "BatchNormalization": { (node) throws(ONNXImportError) in try node.batchNormalization() },
        "Cast": { (node) throws(ONNXImportError) in try node.cast() },
        "Clip": { (node) throws(ONNXImportError) in try node.clip() },
        "Concat": { (node) throws(ONNXImportError) in try node.concat() },
        "Constant": { (node) throws(ONNXImportError) in try node.constant() },
        "ConstantOfShape": { (node) throws(ONNXImportError) in try node.constantOfShape() },
        "Conv": { (node) throws(ONNXImportError) in try node.convolution() },
        "Div": { (node) throws(ONNXImportError) in try node.arithmetic(.divide) },
        "Dropout": { (node) throws(ONNXImportError) in try node.dropout() },
        "Elu": { (node) throws(ONNXImportError) in try node.activation(.elu, alpha: 1) },
        "Flatten": { (node) throws(ONNXImportError) in try node.flatten() },
        "Gather": { (node) throws(ONNXImportError) in try node.gather() },
        "Gemm": { (node) throws(ONNXImportError) in try node.gemm() },
        "GlobalAveragePool": { (node) throws(ONNXImportError) in try node.globalPool(.average) },
        "GlobalMaxPool": { (node) throws(ONNXImportError) in try node.globalPool(.maximum) },
        "HardSigmoid": { (node) throws(ONNXImportError) in try node.activation(.hardSigmoid, alpha: 0.2, beta: 0.5) },
        "HardSwish": { (node) throws(ONNXImportError) in try node.activation(.hardSwish) },
        "Identity": { (node) throws(ONNXImportError) in try node.identity() },
        "LRN": { (node) throws(ONNXImportError) in try node.localResponseNormalization() },
        "LeakyRelu": { (node) throws(ONNXImportError) in try node.activation(.leakyRelu, alpha: 0.01) },
        "MatMul": { (node) throws(ONNXImportError) in try node.matMul() },
        "MaxPool": { (node) throws(ONNXImportError) in try node.maxPool() },
        "Mul": { (node) throws(ONNXImportError) in try node.arithmetic(.multiply) },
        "Pad": { (node) throws(ONNXImportError) in try node.pad() },
        "ReduceMean": { (node) throws(ONNXImportError) in try node.reduceMean() },
        "Relu": { (node) throws(ONNXImportError) in try node.activation(.relu) },
        "Reshape": { (node) throws(ONNXImportError) in try node.reshape() },
        "Shape": { (node) throws(ONNXImportError) in try node.shapeOfOperand() },
        "Sigmoid": { (node) throws(ONNXImportError) in try node.activation(.sigmoid) },
        "Slice": { (node) throws(ONNXImportError) in try node.slice() },
        "Softmax": { (node) throws(ONNXImportError) in try node.softmax() },
        "Squeeze": { (node) throws(ONNXImportError) in try node.squeeze() },
        "Sub": { (node) throws(ONNXImportError) in try node.arithmetic(.subtract) },
        "Sum": { (node) throws(ONNXImportError) in try node.sum() },
        "Tanh": { (node) throws(ONNXImportError) in try node.activation(.tanh) },
        "Transpose": { (node) throws(ONNXImportError) in try node.transpose() },
        "Unsqueeze": { (node) throws(ONNXImportError) in try node.unsqueeze() },
    ]

    static var names: [String] { lowerings.keys.sorted() }
}
