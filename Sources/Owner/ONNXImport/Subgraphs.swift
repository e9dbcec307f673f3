// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import ONNXFormat

extension ONNXNodeProto {
    /// Whether it is a standard ONNX operator.
    var isStandard: Bool { domain.isEmpty || domain == "ai.onnx" }

    /// The subgraphs of branches and loops.
    var subgraphs: [ONNXGraphProto] { attribute.filter(\.hasG).map(\.g) }

    /// Its inputs, and the outer values that its subgraphs use.
    var allInputs: [String] { subgraphs.isEmpty ? input : input + subgraphs.flatMap(\.captured) }
}

extension ONNXGraphProto {
    /// Names that the graph uses and does not define.
    var captured: [String] {
        let own = Set(node.flatMap(\.output)).union(initializer.map(\.name)).union(input.map(\.name))
        return (node.flatMap(\.allInputs) + output.map(\.name)).filter { !$0.isEmpty && !own.contains($0) }
    }

    /// The graph for insertion into another: its own values get other names.
    func renamed(withInputs: Bool = false, _ rename: (String) -> String) -> ONNXGraphProto {
        var names: [String: String] = [:]
        for name in node.flatMap(\.output) + initializer.map(\.name) where !name.isEmpty { names[name] = rename(name) }
        guard withInputs else { return applying(names) }
        for name in input.map(\.name) where !name.isEmpty { names[name] = rename(name) }
        var graph = applying(names)
        for index in graph.input.indices {
            graph.input[index].name = names[graph.input[index].name] ?? graph.input[index].name
        }
        return graph
    }

    private func applying(_ names: [String: String]) -> ONNXGraphProto {
        var graph = self
        graph.node = node.map { $0.renamed(names) }
        for index in graph.initializer.indices {
            graph.initializer[index].name = names[graph.initializer[index].name] ?? graph.initializer[index].name
        }
        for index in graph.output.indices {
            graph.output[index].name = names[graph.output[index].name] ?? graph.output[index].name
        }
        return graph
    }

    func substituting(_ names: [String: String]) -> ONNXGraphProto { applying(names) }
}

extension ONNXNodeProto {
    func renamed(_ names: [String: String]) -> ONNXNodeProto {
        var node = self
        node.input = input.map { names[$0] ?? $0 }
        node.output = output.map { names[$0] ?? $0 }
        for index in node.attribute.indices where node.attribute[index].hasG {
            node.attribute[index].g = node.attribute[index].g.substituting(names)
        }
        return node
    }
}

/// Replaces calls of functions that the file defines by the functions' nodes.
struct FunctionInlining {
    private struct Key: Hashable {
        let domain, name, overload: String
    }

    private static let maximumDepth = 16

    private let functions: [Key: ONNXFunctionProto]
    private let opset: Int
    private var calls = 0
    private var nodeCount = 0

    init(_ functions: [ONNXFunctionProto], opset: Int) {
        self.opset = opset
        self.functions = Dictionary(
            functions.map { (Key(domain: $0.domain, name: $0.name, overload: $0.overload), $0) },
            uniquingKeysWith: { first, _ in first })
    }

    /// - Throws: ``ONNXImportError`` for recursive functions, or nesting or expansion beyond the limits.
    mutating func inlined(_ nodes: [ONNXNodeProto], depth: Int = 0) throws(ONNXImportError) -> [ONNXNodeProto] {
        guard !functions.isEmpty else { return nodes }
        var result: [ONNXNodeProto] = []
        for node in nodes {
            var node = node
            for index in node.attribute.indices where node.attribute[index].hasG {
                node.attribute[index].g.node = try inlined(node.attribute[index].g.node, depth: depth + 1)
            }
            let key = Key(domain: node.domain, name: node.opType, overload: node.overload)
            guard let function = functions[key], !node.isStandard || OperatorTable.lowerings[node.opType] == nil else {
                result.append(node)
                nodeCount += 1
                continue
            }
            guard depth < Self.maximumDepth, nodeCount + calls <= Graph.maximumNodes else {
                throw ONNXImportError(
                    .tooLarge,
                    "function '\(function.name)' nests over \(Self.maximumDepth) deep, or makes too many nodes")
            }
            result += try inlined(try body(of: function, for: node), depth: depth + 1)
        }
        return result
    }

    private mutating func body(
        of function: ONNXFunctionProto, for node: ONNXNodeProto
    ) throws(ONNXImportError) -> [ONNXNodeProto] {
        if let standard = function.opsetImport.first(where: { $0.domain.isEmpty || $0.domain == "ai.onnx" }),
            standard.version != opset
        {
            throw ONNXImportError(
                .unsupported,
                "function '\(function.name)' means operator set \(standard.version), the model \(opset): "
                    + "inline it with onnx.inliner.inline_local_functions")
        }
        calls += 1
        let prefix = "\(node.name.isEmpty ? function.name : node.name)_\(calls)/"
        var names: [String: String] = [:]
        for name in function.node.flatMap(\.output) where !name.isEmpty { names[name] = prefix + name }
        for (index, formal) in function.input.enumerated() {
            names[formal] = index < node.input.count ? node.input[index] : ""
        }
        for (index, formal) in function.output.enumerated()
        where index < node.output.count && !node.output[index].isEmpty {
            names[formal] = node.output[index]
        }
        let given = Dictionary(
            function.attributeProto.map { ($0.name, $0) } + node.attribute.map { ($0.name, $0) },
            uniquingKeysWith: { _, last in last })
        return function.node.map { inner in
            var inner = inner.renamed(names)
            inner.name = inner.name.isEmpty ? "" : prefix + inner.name
            inner.attribute = inner.attribute.compactMap { attribute in
                guard attribute.hasRefAttrName else { return attribute }
                guard var value = given[attribute.refAttrName] else { return nil }
                value.name = attribute.name
                return value
            }
            return inner
        }
    }
}
