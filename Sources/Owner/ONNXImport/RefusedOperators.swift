// SPDX-License-Identifier: Apache-2.0
/// Operators that are refused for one reason, on values that depend on the picture or altogether.
///
/// Errors and the table of `Documentation/operators.md` quote it.
package struct RefusedOperators: Sendable {
    /// Sorted names.
    package let names: [String]
    /// The operators' domain; empty for ONNX's standard operators.
    package let domain: String
    /// A clause that says what the operators do that the importer or the engine cannot.
    package let reason: String
    /// A clause in the imperative that says how to get a model without them.
    package let remedy: String

    private init(_ names: String, of domain: String = "", _ reason: String, _ remedy: String) {
        self.names = names.split(separator: " ").map(String.init).sorted()
        self.domain = domain
        self.reason = reason
        self.remedy = remedy
    }

    /// Of every operator that has an entry. An entry without names is for all operators of its domain that have none.
    package static let all =
        standard + [
            RefusedOperators(
                "ArrayFeatureExtractor CategoryMapper CastMap LabelEncoder ZipMap", of: "ai.onnx.ml",
                "it makes labels from scores",
                "\(cutTail); as the only tail of an output it is removed"),
            RefusedOperators(
                "LinearClassifier LinearRegressor SVMClassifier SVMRegressor TreeEnsemble TreeEnsembleClassifier "
                    + "TreeEnsembleRegressor",
                of: "ai.onnx.ml", "it is a model of scikit-learn's kind, not a layer of a network",
                "\(cutTail), or replace it by a linear layer and a softmax"),
            RefusedOperators(
                "Binarizer DictVectorizer FeatureVectorizer Imputer Normalizer OneHotEncoder Scaler", of: "ai.onnx.ml",
                "it prepares rows of a table, not pictures",
                "\(cutFront), and let preprocess.json scale the pixels"),
            RefusedOperators(
                "", of: "ai.onnx.ml", "it is an operator on tables and labels", cutTail),
            RefusedOperators("", of: "ai.onnx.training", "it is a step of training", evaluation),
            RefusedOperators("", of: "ai.onnx.preview.training", "it is a step of training", evaluation),
            RefusedOperators(
                "", of: "ai.onnx.preview", "the operator may still change",
                "export for an operator set up to \(ONNXModel.opsets.upperBound) without preview operators"),
            RefusedOperators(
                "", of: "ai.onnx.contrib",
                "it decodes or prepares data before or after the network (onnxruntime-extensions)",
                "take the model from before these steps were added, or \(cutFront)"),
            RefusedOperators(
                "", of: "com.microsoft.extensions",
                "it decodes or prepares data before or after the network (onnxruntime-extensions)",
                "take the model from before these steps were added, or \(cutFront)"),
            RefusedOperators(
                "", of: "com.microsoft.nchwc", "the file was saved for one processor",
                "take the file it was made from, or save that one with graph_optimization_level ORT_ENABLE_EXTENDED"),
            RefusedOperators(
                "", of: "com.microsoft",
                "it is an operator of ONNX Runtime alone, which its optimiser or quantiser wrote",
                "take the file from before that step, or save that one with graph_optimization_level ORT_ENABLE_BASIC"),
            RefusedOperators(
                "", of: "org.pytorch.aten", "the exporter knew no ONNX operator for a layer of PyTorch",
                "export with operator_export_type=torch.onnx.OperatorExportTypes.ONNX, or replace the layer that the "
                    + "exporter then names"),
        ]

    private static let standard = [
        RefusedOperators(
            "ArgMax ArgMin Hardmax OneHot TopK",
            "it chooses positions, which are no scores",
            "\(cutTail); as the tail of an output it is removed"),
        RefusedOperators(
            "Compress NonZero Unique", "the shape of its result depends on the picture",
            "replace the selection by a product with a mask (torch.where) in the network's code and export again"),
        RefusedOperators(
            "ConstantOfShape Range",
            "its operands depend on the picture, and shapes are fixed at import",
            "fix the input's shape with --shape, and compute no shape from pixels in the network's code"),
        RefusedOperators(
            "Acos Acosh Asin Asinh Atan Atanh Cos Cosh Sin Sinh Tan", "the enclave has no such function",
            "replace the function in the network's code, for example by a polynomial, and export again"),
        RefusedOperators(
            "BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor BitCast", "the enclave computes numbers, not bits",
            "compute with Mul, Div and Floor on float32 in the network's code, and export again"),
        RefusedOperators(
            "If", "its condition depends on the picture, and the graph is fixed at import",
            "export by tracing (torch.onnx.export with dynamo=False of a model that is not scripted), which keeps "
                + "the branch that the example takes, or \(cutTail)"),
        RefusedOperators(
            "Loop", "its number of iterations depends on the picture, and the loop is unrolled at import",
            "give the loop a fixed number of iterations in the network's code, and export again"),
        RefusedOperators(
            "Scan SequenceMap", "it is a loop of a form that is not unrolled",
            "write the loop as a for loop over a fixed number in the network's code, and export by tracing "
                + "(torch.onnx.export with dynamo=False)"),
        RefusedOperators(
            "Optional OptionalGetElement OptionalHasElement", "values that may be missing have no fixed type",
            "export by tracing (torch.onnx.export with dynamo=False), which leaves them out"),
        RefusedOperators(
            "Bernoulli Multinomial RandomNormal RandomNormalLike RandomUniform RandomUniformLike",
            "it generates different numbers in each run", evaluation),
        RefusedOperators(
            "NegativeLogLikelihoodLoss SoftmaxCrossEntropyLoss", "it is a loss, for training",
            "\(cutTail), or export the network without its loss"),
        RefusedOperators(
            "NonMaxSuppression", "it selects boxes: the model is a detector, not a classifier",
            "export the network of a classifier, or \(cutTail)"),
        RefusedOperators(
            "DeformConv MaxRoiPool RoiAlign", "it takes pixels at positions that the network computes",
            "express it by torch.nn.functional.grid_sample, which is supported, and export again"),
        RefusedOperators(
            "MaxUnpool", "it needs the positions of another pooling: the model draws pictures",
            "\(cutTail), or replace it by Resize in the network's code"),
        RefusedOperators(
            "RegexFullMatch StringConcat StringNormalizer StringSplit TfIdfVectorizer", "it works on text",
            "\(cutTail) if it makes labels; a network on text is not supported"),
        RefusedOperators(
            "ImageDecoder", "it decodes picture files inside the model, which the client does", cutFront),
        RefusedOperators(
            "DFT MelWeightMatrix STFT BlackmanWindow HammingWindow HannWindow",
            "it computes spectra: the model takes sound", "\(cutFront), and pass spectra as the picture"),
        RefusedOperators(
            "CausalConvWithState LinearAttention TensorScatter",
            "it updates the state of a language model",
            "export the network of a classifier without a cache (use_cache=False)"),
        RefusedOperators(
            "CumProd", "the enclave has no running product",
            "take the exponential of the running sum of logarithms (torch.cumsum), and export again"),
        RefusedOperators(
            "Det", "the enclave has no determinant", "write it out as sums of products, and export again"),
        RefusedOperators(
            "ReverseSequence", "the enclave reverses whole axes only",
            "reverse with torch.flip, which becomes Slice, and export again"),
    ]

    private static let cutTail = "name the scores before it with --output NAME"
    private static let cutFront =
        "cut the model off behind it with onnx.utils.extract_model(FILE, NEW, [TENSOR AFTER IT], [SCORES])"
    private static let evaluation =
        "export for inference: model.eval(), and training=torch.onnx.TrainingMode.EVAL for torch.onnx.export"

    /// Of normalisations and dropout in the form for training.
    static let trains = "training_mode is on, only inference is supported; \(evaluation)"

    /// For an operator without an entry of a domain without one.
    package static let unknownDomain = (
        reason: "nothing says what it computes",
        remedy: "export the model without the operators of this domain, with functions for them "
            + "(onnxscript, which are inlined), or take the file from before an engine optimised it"
    )
    /// For a name that no operator set up to the newest supported one has.
    package static let unknownName = (
        reason: "Documentation/operators.md lists what is",
        remedy: "replace the layer in the network's code and export again"
    )

    private static let byName: [String: RefusedOperators] = {
        var found: [String: RefusedOperators] = [:]
        for group in all {
            if group.names.isEmpty { found["\(group.domain)."] = group }
            for name in group.names { found["\(group.domain).\(name)"] = group }
        }
        return found
    }()

    /// - Parameter domain: Empty for standard operators.
    static func entry(of name: String, domain: String) -> RefusedOperators? {
        byName["\(domain).\(name)"] ?? byName["\(domain)."]
    }

    /// What to say of an operator that is refused.
    ///
    /// - Parameter domain: Empty for standard operators.
    package static func explanation(of name: String, domain: String) -> (reason: String, remedy: String) {
        guard let entry = entry(of: name, domain: domain) else { return domain.isEmpty ? unknownName : unknownDomain }
        return (entry.reason, entry.remedy)
    }
}
