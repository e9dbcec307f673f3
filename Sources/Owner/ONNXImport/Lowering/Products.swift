// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors

// Matrix products.

extension ImportedNode {
    mutating func gemm() throws(ONNXImportError) -> Lowered {
        let gemm = Gemm(
            alpha: try float("alpha") ?? 1, beta: try float("beta") ?? 1, transposeA: try flag("transA"),
            transposeB: try flag("transB"))
        // The addend broadcasts in any case.
        if opset < 7 { ignore("broadcast") }
        return .operation(.gemm(gemm), operands: try inputs(2...3))
    }

    mutating func matMul() throws(ONNXImportError) -> Lowered {
        .operation(.matMul(MatMul()), operands: try inputs(2...2))
    }
}
