// SPDX-License-Identifier: Apache-2.0
import ONNXFormat

/// The nodes that the outputs need, in topological order.
struct NodeOrder {
    /// Indices into the file's nodes; the file's own order if that is topological.
    let indices: [Int]

    /// - Parameter given: Names of inputs and constants.
    /// - Throws: ``ONNXImportError`` for a value that is computed twice, a missing value, or a cycle.
    init(_ nodes: [ONNXNodeProto], outputs: [String], given: Set<String>) throws(ONNXImportError) {
        let inputs = nodes.map(\.allInputs)
        var producers: [String: Int] = [:]
        for (index, node) in nodes.enumerated() {
            for output in node.output where !output.isEmpty {
                guard producers.updateValue(index, forKey: output) == nil, !given.contains(output) else {
                    throw ONNXImportError(.invalidGraph, "value '\(output)' is defined twice")
                }
            }
        }

        enum Mark { case open, done }
        var marks = [Mark?](repeating: nil, count: nodes.count)
        var order: [Int] = []
        // An explicit stack instead of recursion: a chain of nodes may be long.
        var stack: [(node: Int, nextInput: Int)] = []
        func visit(_ name: String, neededBy node: Int?) throws(ONNXImportError) {
            guard let producer = producers[name] else {
                if given.contains(name) { return }
                let place =
                    node.map { "node '\(nodes[$0].name)' (\(nodes[$0].opType)): its input" } ?? "the graph's output"
                throw ONNXImportError(.invalidGraph, "\(place) '\(name)' is made by no node")
            }
            switch marks[producer] {
            case .done: return
            case .open:
                throw ONNXImportError(
                    .invalidGraph, "value '\(name)' depends on itself through node '\(nodes[producer].name)'")
            case nil:
                marks[producer] = .open
                stack.append((producer, 0))
            }
        }
        for output in outputs {
            try visit(output, neededBy: nil)
            while let (node, nextInput) = stack.last {
                if nextInput == inputs[node].count {
                    marks[node] = .done
                    order.append(node)
                    stack.removeLast()
                } else {
                    stack[stack.count - 1].nextInput += 1
                    let input = inputs[node][nextInput]
                    if !input.isEmpty { try visit(input, neededBy: node) }
                }
            }
        }

        let fileOrder = order.sorted()
        let isTopological = fileOrder.allSatisfy { node in
            inputs[node].allSatisfy { producers[$0].map { $0 < node } ?? true }
        }
        indices = isTopological ? fileOrder : order
    }
}
