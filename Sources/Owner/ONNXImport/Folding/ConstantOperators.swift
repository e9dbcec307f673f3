// SPDX-License-Identifier: Apache-2.0
import Foundation
import ModelGraph
import Tensors

/// Computes a node whose operands are all known.
typealias ConstantOperator = @Sendable (inout ImportedNode, inout FoldingBudget) throws(ONNXImportError) -> [Tensor]

/// The operators that are evaluated at import. If an operator has a lowering too, floats are lowered instead, and the
/// results of that are folded.
enum ConstantOperators {
    static let table: [String: ConstantOperator] = functions.merging(reductions) { $1 }.merging(movements) { $1 }

    private static let functions: [String: ConstantOperator] = [
        "Abs": { (node, budget) throws(ONNXImportError) in
            try node.each(&budget, { abs($0) }, { $0 < 0 ? 0 &- $0 : $0 })
        },
        "Acos": { (node, budget) throws(ONNXImportError) in try node.each(&budget, { acos($0) }) },
        "Acosh": { (node, budget) throws(ONNXImportError) in try node.each(&budget, { acosh($0) }) },
        "Asin": { (node, budget) throws(ONNXImportError) in try node.each(&budget, { asin($0) }) },
        "Asinh": { (node, budget) throws(ONNXImportError) in try node.each(&budget, { asinh($0) }) },
        "Atan": { (node, budget) throws(ONNXImportError) in try node.each(&budget, { atan($0) }) },
        "Atanh": { (node, budget) throws(ONNXImportError) in try node.each(&budget, { atanh($0) }) },
        "Cos": { (node, budget) throws(ONNXImportError) in try node.each(&budget, { cos($0) }) },
        "Cosh": { (node, budget) throws(ONNXImportError) in try node.each(&budget, { cosh($0) }) },
        "Neg": { (node, budget) throws(ONNXImportError) in try node.each(&budget, { -$0 }, { 0 &- $0 }) },
        "Relu": { (node, budget) throws(ONNXImportError) in try node.each(&budget, { max($0, 0) }, { max($0, 0) }) },
        "Sign": { (node, budget) throws(ONNXImportError) in
            try node.each(&budget, { $0 > 0 ? 1 : $0 < 0 ? -1 : 0 }, { $0.signum() })
        },
        "Sin": { (node, budget) throws(ONNXImportError) in try node.each(&budget, { sin($0) }) },
        "Sinh": { (node, budget) throws(ONNXImportError) in try node.each(&budget, { sinh($0) }) },
        "Tan": { (node, budget) throws(ONNXImportError) in try node.each(&budget, { tan($0) }) },
        "BitwiseNot": { (node, budget) throws(ONNXImportError) in try node.each(&budget, { $0 }, { ~$0 }) },
        "IsNaN": { (node, budget) throws(ONNXImportError) in try node.test(&budget) { $0.isNaN } },
        "IsInf": { (node, budget) throws(ONNXImportError) in
            let (negative, positive) = (
                try node.flag("detect_negative", default: true), try node.flag("detect_positive", default: true)
            )
            return try node.test(&budget) { $0.isInfinite && ($0 < 0 ? negative : positive) }
        },
        "Clip": { (node, budget) throws(ONNXImportError) in
            let x = try node.known(0, "operand")
            let (low, high) = (
                try node.constant(1, "minimum")?.integers().first, try node.constant(2, "maximum")?.integers().first
            )
            return [
                try ConstantFolder.tensor(
                    x.type, x.integers().map { min(max($0, low ?? .min), high ?? .max) }, budget: &budget)
            ]
        },
        "Mod": { (node, budget) throws(ONNXImportError) in
            let isC = try node.flag("fmod")
            return try node.pairs(
                &budget, { isC ? fmod($0, $1) : $0 - floor($0 / $1) * $1 },
                { x, y in
                    guard y != 0, y != -1 else { return y == 0 ? nil : 0 }
                    let rest = x % y
                    return !isC && rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest
                })
        },
        "Xor": { (node, budget) throws(ONNXImportError) in
            try node.pairs(&budget, { $0 != $1 ? 1 : 0 }, { $0 != $1 ? 1 : 0 })
        },
        "BitwiseAnd": { (node, budget) throws(ONNXImportError) in try node.pairs(&budget, { x, _ in x }, { $0 & $1 }) },
        "BitwiseOr": { (node, budget) throws(ONNXImportError) in try node.pairs(&budget, { x, _ in x }, { $0 | $1 }) },
        "BitwiseXor": { (node, budget) throws(ONNXImportError) in try node.pairs(&budget, { x, _ in x }, { $0 ^ $1 }) },
        "BitShift": { (node, budget) throws(ONNXImportError) in
            let isLeft = try node.text("direction") == "LEFT"
            return try node.pairs(&budget, { x, _ in x }, { isLeft ? $0 << $1 : $0 >> $1 })
        },
    ]

    private static let reductions: [String: ConstantOperator] = [
        "ReduceL1": { (node, budget) throws(ONNXImportError) in try node.reduce(.magnitudes, 18, &budget) },
        "ReduceL2": { (node, budget) throws(ONNXImportError) in try node.reduce(.rootOfSquares, 18, &budget) },
        "ReduceLogSum": { (node, budget) throws(ONNXImportError) in try node.reduce(.logOfSum, 18, &budget) },
        "ReduceLogSumExp": { (node, budget) throws(ONNXImportError) in
            try node.reduce(.logOfExponentials, 18, &budget)
        },
        "ReduceMax": { (node, budget) throws(ONNXImportError) in try node.reduce(.maximum, 18, &budget) },
        "ReduceMean": { (node, budget) throws(ONNXImportError) in try node.reduce(.mean, 18, &budget) },
        "ReduceMin": { (node, budget) throws(ONNXImportError) in try node.reduce(.minimum, 18, &budget) },
        "ReduceProd": { (node, budget) throws(ONNXImportError) in try node.reduce(.product, 18, &budget) },
        "ReduceSum": { (node, budget) throws(ONNXImportError) in try node.reduce(.sum, 13, &budget) },
        "ReduceSumSquare": { (node, budget) throws(ONNXImportError) in try node.reduce(.squares, 18, &budget) },
        "ArgMax": { (node, budget) throws(ONNXImportError) in try node.best(largest: true, &budget) },
        "ArgMin": { (node, budget) throws(ONNXImportError) in try node.best(largest: false, &budget) },
        "TopK": { (node, budget) throws(ONNXImportError) in try node.topK(&budget) },
        "CumProd": { (node, budget) throws(ONNXImportError) in try node.running(multiplies: true, &budget) },
        "CumSum": { (node, budget) throws(ONNXImportError) in try node.running(&budget) },
        "Det": { (node, budget) throws(ONNXImportError) in try node.determinant(&budget) },
        "Hardmax": { (node, budget) throws(ONNXImportError) in try node.hardmax(&budget) },
        "BlackmanWindow": { (node, budget) throws(ONNXImportError) in
            try node.cosineWindow([0.42, -0.5, 0.08], &budget)
        },
        "HammingWindow": { (node, budget) throws(ONNXImportError) in
            try node.cosineWindow([25.0 / 46, -21.0 / 46], &budget)
        },
        "HannWindow": { (node, budget) throws(ONNXImportError) in try node.cosineWindow([0.5, -0.5], &budget) },
        "BatchNormalization": { (node, budget) throws(ONNXImportError) in try node.trainedNormalization(&budget) },
    ]

    private static let movements: [String: ConstantOperator] = [
        "Compress": { (node, budget) throws(ONNXImportError) in try node.compress(&budget) },
        "GatherElements": { (node, budget) throws(ONNXImportError) in try node.gatherElements(&budget) },
        "GatherND": { (node, budget) throws(ONNXImportError) in try node.gatherTuples(&budget) },
        "NonZero": { (node, budget) throws(ONNXImportError) in try node.nonZero(&budget) },
        "OneHot": { (node, budget) throws(ONNXImportError) in try node.oneHot(&budget) },
        "Pad": { (node, budget) throws(ONNXImportError) in try node.padConstant(&budget) },
        "ReverseSequence": { (node, budget) throws(ONNXImportError) in try node.reverseSequence(&budget) },
        "Scatter": { (node, budget) throws(ONNXImportError) in try node.scatterElements(&budget) },
        "ScatterElements": { (node, budget) throws(ONNXImportError) in try node.scatterElements(&budget) },
        "ScatterND": { (node, budget) throws(ONNXImportError) in try node.scatterTuples(&budget) },
        "Tile": { (node, budget) throws(ONNXImportError) in try node.tileConstant(&budget) },
        "Trilu": { (node, budget) throws(ONNXImportError) in try node.triangle(&budget) },
    ]
}

extension ImportedNode {
    func known(_ index: Int, _ what: String) throws(ONNXImportError) -> Tensor {
        guard let tensor = try constant(index, what) else { throw failure(.invalidGraph, "\(what) is missing") }
        return tensor
    }

    /// A function of each element; integers are computed as floats unless they have a function of their own.
    fileprivate func each(
        _ budget: inout FoldingBudget, _ floats: (Double) -> Double, _ integers: ((Int64) -> Int64)? = nil
    ) throws(ONNXImportError) -> [Tensor] {
        let x = try known(0, "operand")
        if let integers, !x.isFloat {
            return [try ConstantFolder.tensor(x.type, x.integers().map(integers), budget: &budget)]
        }
        return [try ConstantFolder.tensor(x.type, x.numbers().map(floats), budget: &budget)]
    }

    fileprivate func test(_ budget: inout FoldingBudget, _ body: (Double) -> Bool) throws(ONNXImportError) -> [Tensor] {
        let x = try known(0, "operand")
        return [
            try ConstantFolder.tensor(
                TensorType(.boolean, x.shape), x.numbers().map { body($0) ? Int64(1) : 0 }, budget: &budget)
        ]
    }

    /// A function of two operands that broadcast; `nil` where it has no result for integers.
    fileprivate func pairs(
        _ budget: inout FoldingBudget, _ floats: (Double, Double) -> Double, _ integers: (Int64, Int64) -> Int64?
    ) throws(ONNXImportError) -> [Tensor] {
        let (a, b) = (try known(0, "operand"), try known(1, "operand"))
        let shape: Shape
        do throws(GraphError) { shape = try Arithmetic.broadcast(a.shape, b.shape) } catch {
            throw failure(.invalidGraph, error.message)
        }
        try budget.spend(numbers: shape.elementCount)
        let left = try ConstantFolder.broadcast(a, to: shape, budget: &budget)
        let right = try ConstantFolder.broadcast(b, to: shape, budget: &budget)
        let type = TensorType(a.element, shape)
        if a.isFloat {
            return [
                try ConstantFolder.tensor(type, zip(left.numbers(), right.numbers()).map(floats), budget: &budget)
            ]
        }
        var results: [Int64] = []
        for (x, y) in zip(left.integers(), right.integers()) {
            guard let result = integers(x, y) else { throw failure(.invalidGraph, "\(x) and \(y) divide by 0") }
            results.append(result)
        }
        return [try ConstantFolder.tensor(type, results, budget: &budget)]
    }
}
