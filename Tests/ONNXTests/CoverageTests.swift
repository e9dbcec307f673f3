// SPDX-License-Identifier: Apache-2.0
import Foundation
import ONNXFormat
import ONNXImport
import Testing

/// The table of `Documentation/operators.md`, which must agree with the code.
struct CoverageTests {
    static var table: String {
        let opsets = ONNXModel.opsets
        var lines = [
            "Operator sets \(opsets.lowerBound) to \(opsets.upperBound).", "", "| operator | supported |",
            "| --- | --- |",
        ]
        lines += ONNXModel.operators.map { name in
            "| `\(name)` | \(ONNXModel.operatorsOnConstants.contains(name) ? "on constants" : "yes") |"
        }
        lines += ["", "Of ONNX Runtime's domain `com.microsoft`:"]
        lines += [ONNXModel.runtimeOperators.map { "`\($0)`" }.joined(separator: ", ") + "."]
        return lines.joined(separator: "\n")
    }

    /// The reason and the remedy for each unsupported operator.
    static var refusals: String {
        var lines = ["| operators | reason | remedy |", "| --- | --- | --- |"]
        lines += RefusedOperators.all.map { group in
            let names = group.names.map { "`\($0)`" }.joined(separator: ", ")
            let domain =
                group.domain.isEmpty ? names : "\(names.isEmpty ? "others" : names) of `\(group.domain)`"
            return "| \(domain) | \(group.reason) | \(group.remedy) |"
        }
        let unknown = RefusedOperators.unknownDomain
        lines.append("| of other domains | \(unknown.reason) | \(unknown.remedy) |")
        return lines.joined(separator: "\n")
    }

    /// The standard operators of ONNX 1.23, sorted.
    static let standard = """
        Abs Acos Acosh Add AffineGrid And ArgMax ArgMin Asin Asinh Atan Atanh Attention AveragePool BatchNormalization
        Bernoulli BitCast BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor BlackmanWindow Cast CastLike
        CausalConvWithState Ceil Celu CenterCropPad Clip Col2Im Compress Concat ConcatFromSequence Constant
        ConstantOfShape Conv ConvInteger ConvTranspose Cos Cosh CumProd CumSum DFT DeformConv DepthToSpace
        DequantizeLinear Det Div Dropout DynamicQuantizeLinear Einsum Elu Equal Erf Exp Expand EyeLike Flatten Floor
        GRU Gather GatherElements GatherND Gelu Gemm GlobalAveragePool GlobalLpPool GlobalMaxPool Greater
        GreaterOrEqual GridSample GroupNormalization HammingWindow HannWindow HardSigmoid HardSwish Hardmax Identity
        If ImageDecoder InstanceNormalization IsInf IsNaN LRN LSTM LayerNormalization LeakyRelu Less LessOrEqual
        LinearAttention Log LogSoftmax Loop LpNormalization LpPool MatMul MatMulInteger Max MaxPool MaxRoiPool
        MaxUnpool Mean MeanVarianceNormalization MelWeightMatrix Min Mish Mod Mul Multinomial Neg
        NegativeLogLikelihoodLoss NonMaxSuppression NonZero Not OneHot Optional OptionalGetElement OptionalHasElement
        Or PRelu Pad Pow QLinearConv QLinearMatMul QuantizeLinear RMSNormalization RNN RandomNormal RandomNormalLike
        RandomUniform RandomUniformLike Range Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax
        ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare RegexFullMatch Relu Reshape Resize ReverseSequence
        RoiAlign RotaryEmbedding Round STFT Scan Scatter ScatterElements ScatterND Selu SequenceAt SequenceConstruct
        SequenceEmpty SequenceErase SequenceInsert SequenceLength SequenceMap Shape Shrink Sigmoid Sign Sin Sinh Size
        Slice Softmax SoftmaxCrossEntropyLoss Softplus Softsign SpaceToDepth Split SplitToSequence Sqrt Squeeze
        StringConcat StringNormalizer StringSplit Sub Sum SwiGLU Swish Tan Tanh TensorScatter TfIdfVectorizer
        ThresholdedRelu Tile TopK Transpose Trilu Unique Unsqueeze Upsample Where Xor
        """.split(whereSeparator: \.isWhitespace).map(String.init)

    @Test("The documentation lists the operators of the importer")
    func isCurrent() throws {
        let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let text = try String(contentsOf: package.appending(path: "Documentation/operators.md"), encoding: .utf8)
        #expect(text.contains(Self.table), "Documentation/operators.md should hold:\n\(Self.table)")
        #expect(text.contains(Self.refusals), "Documentation/operators.md should hold:\n\(Self.refusals)")
        #expect(ONNXModel.operatorsOnConstants.isSubset(of: ONNXModel.operators))
    }

    @Test("Every standard operator is supported for all values, or has a stated reason and remedy")
    func isComplete() {
        let explained = RefusedOperators.all.filter(\.domain.isEmpty).flatMap(\.names)
        #expect(Set(explained).count == explained.count, "an operator has two entries")
        let supported = Set(ONNXModel.operators).subtracting(ONNXModel.operatorsOnConstants)
        #expect(supported.isDisjoint(with: explained), "\(supported.intersection(explained))")
        #expect(Set(Self.standard).subtracting(supported) == Set(explained).intersection(Self.standard))
        #expect(ONNXModel.operatorsOnConstants.isSubset(of: explained))
    }

    @Test(
        "The error for an unsupported operator equals its entry in the table",
        arguments: RefusedOperators.all.indices)
    func isQuoted(_ index: Int) throws {
        let group = RefusedOperators.all[index]
        for name in group.names.isEmpty ? ["Unheard"] : group.names where !["If", "Loop"].contains(name) {
            // The condition, the shape and the limits depend on the picture.
            var node = ONNXNodeProto.make(name, ["x", "x", "x"], ["y"], name: "e")
            node.domain = group.domain
            let proto = ONNXModelProto.make(opset: 18, nodes: [node])
            let error = try #require(#expect(throws: ONNXImportError.self, "\(name)") { try proto.load() })
            #expect(error.code == .unsupported, "\(error)")
            #expect(error.message.contains("'e'"), "\(error)")
            #expect(error.message.contains(group.remedy), "\(error)")
        }
    }

    @Test("Operators of unknown domains, and unknown operators, are refused with a remedy")
    func isUnknown() throws {
        var node = ONNXNodeProto.make("Deform", ["x"], ["y"], name: "e")
        for (domain, explanation) in [("mmcv", RefusedOperators.unknownDomain), ("", RefusedOperators.unknownName)] {
            node.domain = domain
            let proto = ONNXModelProto.make(nodes: [node])
            let error = try #require(#expect(throws: ONNXImportError.self) { try proto.load() })
            #expect(error.code == .unsupported)
            #expect(error.message.contains("\(explanation.reason); \(explanation.remedy)"), "\(error)")
        }
    }

    @Test("A branch or loop that depends on the picture is refused with the export that avoids it")
    func liveControlFlow() throws {
        let condition = ONNXNodeProto.make("Greater", ["x", "x"], ["c"])
        for name in ["If", "Loop"] {
            let node = ONNXNodeProto.make(
                name, name == "If" ? ["c"] : ["c", "", "x"], ["y"], name: "e",
                [
                    "body": ExporterFormTests.graphAttribute(
                        inputs: ["round", "going", "v"], outputs: ["going", "w"], nodes: [.make("Abs", ["v"], ["w"])])
                ])
            let proto = ONNXModelProto.make(nodes: [condition, node])
            let error = try #require(#expect(throws: ONNXImportError.self) { try proto.load() })
            #expect(error.code == .unsupported)
            let remedy = RefusedOperators.explanation(of: name, domain: "").remedy
            #expect(error.message.contains(remedy), "\(error)")
        }
    }
}
