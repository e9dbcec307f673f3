// SPDX-License-Identifier: Apache-2.0
import ONNXFormat

/// The value of a file that is the classifier's output.
struct Head {
    private(set) var output: String
    private(set) var notes: [String] = []

    /// - Parameter wanted: The output that the user named.
    /// - Throws: ``ONNXImportError`` that lists the outputs if several are possible.
    init(of graph: ONNXGraphProto, wanted: String?) throws(ONNXImportError) {
        var makers: [String: ONNXNodeProto] = [:]
        for node in graph.node { for output in node.output where !output.isEmpty { makers[output] = node } }
        self = try Head(of: graph, Origins(makers, stored: graph.initializer.map(\.name)), wanted: wanted)
        if let maker = makers[output], maker.opType == "QuantizeLinear", let scores = maker.input.first {
            notes.append("The quantisation of output '\(output)' is left out: the answer is the scores before it.")
            output = scores
        }
    }

    private init(
        of graph: ONNXGraphProto, _ origins: Origins, wanted: String?
    ) throws(ONNXImportError) {
        if let wanted {
            guard origins.makers[wanted] != nil else {
                throw ONNXImportError(
                    .output, "the model has no output '\(wanted)': it has \(Self.list(graph.output.map(\.name)))")
            }
            output = wanted
            return
        }
        guard graph.output.count != 1 || origins.label(graph.output[0]) != nil else {
            output = graph.output[0].name
            return
        }
        var scores: [String] = []
        let chosen = Set(graph.output.compactMap { origins.label($0)?.scores })
        for value in graph.output {
            guard let label = origins.label(value) ?? origins.confidence(value, of: chosen) else {
                scores.append(value.name)
                continue
            }
            guard !label.choosesSmallest else {
                throw ONNXImportError(
                    .output,
                    "output '\(value.name)' (\(label.operatorName)) is the class with the smallest value of "
                        + "'\(label.scores)', and answers rank classes by the largest: negate these values before it and "
                        + "export again, or say with --output NAME which output holds the scores of the classes")
            }
            notes.append("Output '\(value.name)' (\(label.operatorName)) is left out: the answer is the scores.")
        }
        // If all outputs are labels, the scores that they are computed from are the output.
        var sources: [String] = []
        if scores.isEmpty {
            sources = Set(graph.output.compactMap { origins.label($0)?.scores }).subtracting([""]).sorted()
            // Probabilities rather than the logits that they are computed from.
            scores =
                sources.count > Self.maximumSources
                ? []
                : sources.filter { source in
                    let before = origins.forms(of: source)
                    return sources.allSatisfy { $0 == source || before.contains($0) }
                }
        }
        guard scores.count == 1 else {
            let origin = sources.isEmpty ? "" : ", which are labels of \(Self.list(sources))"
            throw ONNXImportError(
                .output,
                "the model has \(graph.output.count) outputs, \(Self.list(graph.output.map(\.name)))\(origin): "
                    + "say with --output NAME which one holds the scores of the classes")
        }
        output = scores[0]
    }

    private static let maximumSources = 8

    private static func list(_ names: [String]) -> String { names.map { "'\($0)'" }.joined(separator: ", ") }
}

/// How the values of a file are computed.
private struct Origins {
    let makers: [String: ONNXNodeProto]
    /// Names of values that are the same for every picture.
    private let fixed: Set<String>

    init(_ makers: [String: ONNXNodeProto], stored: [String]) {
        self.makers = makers
        fixed = Set(stored).union(makers.filter { $0.value.opType == "Constant" }.map(\.key))
    }

    /// Operators that choose the best classes, whose first input is the scores.
    private static let choosing: Set<String> = ["ArgMax", "ArgMin", "TopK", "NonMaxSuppression", "ZipMap"]
    /// Operators that turn a choice into names or other forms, with the index of the input that is the choice.
    private static let naming: [String: Int] = [
        "ArrayFeatureExtractor": 1, "CastMap": 0, "CategoryMapper": 0, "LabelEncoder": 0, "OneHot": 0,
    ]
    private static let passing: Set<String> = ["Cast", "Squeeze", "Unsqueeze", "Identity", "Reshape", "Flatten"]
    /// Operators that select entries of a table at positions.
    private static let selecting: Set<String> = ["Gather", "GatherElements", "GatherND"]

    /// An output that is computed from the choice of a class.
    struct Label {
        /// The operator that computes it.
        let operatorName: String
        /// The values of which one was chosen; empty if they are unknown.
        let scores: String
        var choosesSmallest = false
    }

    /// - Returns: `nil` for an output that is no label.
    func label(_ value: ONNXValueInfoProto) -> Label? {
        let isText = value.type.tensorType.elemType == Int32(ONNXTensorProto.DataType.string.rawValue)
        let text = Label(operatorName: makers[value.name]?.opType ?? "strings", scores: "")
        return label(value.name, isText ? text : nil, followsIndices: true)
    }

    /// The largest of values of which a label says the class: `ReduceMax` of the scores.
    ///
    /// - Parameter chosen: The scores of the file's labels.
    func confidence(_ value: ONNXValueInfoProto, of chosen: Set<String>) -> Label? {
        var name = value.name
        for _ in 0..<16 {
            guard let maker = makers[name], let first = maker.input.first else { return nil }
            if maker.opType == "ReduceMax" {
                return chosen.contains(first) ? Label(operatorName: maker.opType, scores: first) : nil
            }
            guard Self.passing.contains(maker.opType) else { return nil }
            name = first
        }
        return nil
    }

    /// - Parameter followsIndices: Whether the indices of a `Gather` from scores are searched for a choice.
    private func label(_ value: String, _ before: Label?, followsIndices: Bool) -> Label? {
        var (name, named) = (value, before)
        for _ in 0..<16 {
            guard let maker = makers[name], let first = maker.input.first else { return named }
            if Self.choosing.contains(maker.opType) {
                let largest = maker.attribute.first { $0.name == "largest" }
                return Label(
                    operatorName: named?.operatorName ?? maker.opType, scores: first,
                    choosesSmallest: maker.opType == "ArgMin"
                        || maker.opType == "TopK" && largest.map { $0.i == 0 } ?? false)
            }
            if let place = Self.naming[maker.opType], place < maker.input.count,
                !fixed.contains(maker.input[place])
            {
                name = maker.input[place]
                named = Label(operatorName: named?.operatorName ?? maker.opType, scores: name)
            } else if Self.selecting.contains(maker.opType), maker.input.count > 1 {
                // The values of scores at their choice; a table of names is the same for every picture.
                if followsIndices, !fixed.contains(first),
                    let choice = label(maker.input[1], nil, followsIndices: false), choice.scores == first
                {
                    return Label(
                        operatorName: named?.operatorName ?? maker.opType, scores: first,
                        choosesSmallest: choice.choosesSmallest)
                }
                name = fixed.contains(first) ? maker.input[1] : first
            } else if Self.passing.contains(maker.opType) || Self.naming[maker.opType] != nil {
                name = first
            } else {
                return named
            }
        }
        return named
    }

    /// The values of which a value is another form: its logits, the same values in another order.
    func forms(of value: String) -> Set<String> {
        var (found, name): (Set<String>, String) = ([], value)
        while let maker = makers[name], Self.passing.union(Self.mapping).contains(maker.opType),
            let first = maker.input.first, found.insert(first).inserted
        { name = first }
        return found
    }

    private static let mapping: Set<String> = ["Softmax", "LogSoftmax", "Sigmoid", "Transpose", "Clip"]
}
