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
        for value in graph.output {
            guard let label = origins.label(value) else {
                scores.append(value.name)
                continue
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
                    let before = origins.ancestors(of: source)
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

    /// The operator that computes a label from scores, and the scores, empty if they are unknown; `nil` for an output
    /// that is no label.
    func label(_ value: ONNXValueInfoProto) -> (operatorName: String, scores: String)? {
        var name = value.name
        var named: (operatorName: String, scores: String)?
        if value.type.tensorType.elemType == Int32(ONNXTensorProto.DataType.string.rawValue) {
            named = (makers[name]?.opType ?? "strings", "")
        }
        for _ in 0..<16 {
            guard let maker = makers[name], let first = maker.input.first else { return named }
            if Self.choosing.contains(maker.opType) { return (named?.operatorName ?? maker.opType, first) }
            if let place = Self.naming[maker.opType], place < maker.input.count,
                !fixed.contains(maker.input[place])
            {
                name = maker.input[place]
                named = (named?.operatorName ?? maker.opType, name)
            } else if Self.selecting.contains(maker.opType), maker.input.count > 1 {
                // A table of names is the same for every picture.
                name = fixed.contains(first) ? maker.input[1] : first
            } else if Self.passing.contains(maker.opType) || Self.naming[maker.opType] != nil {
                name = first
            } else {
                return named
            }
        }
        return named
    }

    /// The values that a value is computed from.
    func ancestors(of value: String) -> Set<String> {
        var (found, open): (Set<String>, [String]) = ([], [value])
        while let name = open.popLast() {
            for input in makers[name]?.allInputs ?? [] where found.insert(input).inserted { open.append(input) }
        }
        return found
    }
}
