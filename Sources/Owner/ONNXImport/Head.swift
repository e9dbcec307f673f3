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
        self = try Head(of: graph, makers, wanted: wanted)
        if let maker = makers[output], maker.opType == "QuantizeLinear", let scores = maker.input.first {
            notes.append("The quantisation of output '\(output)' is left out: the answer is the scores before it.")
            output = scores
        }
    }

    private init(
        of graph: ONNXGraphProto, _ makers: [String: ONNXNodeProto], wanted: String?
    ) throws(ONNXImportError) {
        if let wanted {
            guard makers[wanted] != nil else {
                throw ONNXImportError(
                    .output, "the model has no output '\(wanted)': it has \(Self.list(graph.output.map(\.name)))")
            }
            output = wanted
            return
        }
        guard graph.output.count != 1 || Self.label(graph.output[0], makers) != nil else {
            output = graph.output[0].name
            return
        }
        var scores: [String] = []
        for value in graph.output {
            guard let label = Self.label(value, makers) else {
                scores.append(value.name)
                continue
            }
            notes.append("Output '\(value.name)' (\(label.operatorName)) is left out: the answer is the scores.")
        }
        // If all outputs are labels, the scores that they are computed from are the output.
        if scores.isEmpty {
            let sources = graph.output.compactMap { Self.label($0, makers)?.scores }
            for source in sources where !scores.contains(source) && !source.isEmpty { scores.append(source) }
            if scores.count > 1, let source = sources.last { scores = [source] }
        }
        guard scores.count == 1 else {
            throw ONNXImportError(
                .output,
                "the model has \(graph.output.count) outputs, \(Self.list(graph.output.map(\.name))): "
                    + "say with --output NAME which one holds the scores of the classes")
        }
        output = scores[0]
    }

    private static func list(_ names: [String]) -> String { names.map { "'\($0)'" }.joined(separator: ", ") }

    private static let labelMakers: Set<String> = [
        "ArgMax", "ArgMin", "TopK", "ZipMap", "ArrayFeatureExtractor", "LabelEncoder", "OneHot", "NonMaxSuppression",
    ]
    private static let passing: Set<String> = [
        "Cast", "Squeeze", "Unsqueeze", "Identity", "Reshape", "Flatten", "Gather",
    ]

    /// The operator that computes a label from scores, and the scores; `nil` for an output that is no label.
    private static func label(
        _ value: ONNXValueInfoProto, _ makers: [String: ONNXNodeProto]
    ) -> (operatorName: String, scores: String)? {
        var name = value.name
        for _ in 0..<16 {
            guard let maker = makers[name] else { return nil }
            if labelMakers.contains(maker.opType) {
                // ArrayFeatureExtractor selects names by the index of the best score.
                let input = maker.opType == "ArrayFeatureExtractor" ? maker.input.last : maker.input.first
                guard let input else { return nil }
                if let inner = makers[input], labelMakers.contains(inner.opType), let scores = inner.input.first {
                    return (maker.opType, scores)
                }
                return (maker.opType, input)
            }
            guard passing.contains(maker.opType), let input = maker.input.first else { return nil }
            name = input
        }
        return nil
    }
}
