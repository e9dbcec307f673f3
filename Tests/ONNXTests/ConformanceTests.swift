// SPDX-License-Identifier: Apache-2.0
import Foundation
import ModelGraph
import ONNXExport
import ONNXFormat
import ONNXImport
import ReferenceInference
import Tensors
import TestSupport
import Testing

/// ONNX's own tests of its operators, through the importer and the reference executor.
@Suite(.enabled(if: SharedFiles.exists("onnx-node-tests"), "\(SharedFiles.absence)"))
struct ConformanceTests {
    /// An entry of the collection's index.
    struct Entry: Decodable, Sendable, CustomTestStringConvertible {
        let name: String
        let suite: String
        let ops: [String]
        let opset: [String: Int]

        var testDescription: String { name }
        var folder: String { "onnx-node-tests/\(suite)/\(name)" }
    }

    struct Index: Decodable {
        let tests: [Entry]
    }

    static let entries =
        (try? JSONDecoder().decode(Index.self, from: SharedFiles.bytes("onnx-node-tests/index.json")))?.tests ?? []
    static let (excluded, included) = (
        entries.filter { ConformanceScope.exclusion(of: $0) != nil },
        entries.filter { ConformanceScope.exclusion(of: $0) == nil }
    )

    @Test("The collection is complete: 549 tests, of which at least 400 are in scope")
    func isComplete() {
        #expect(Self.entries.count == 549)
        #expect(Self.included.count >= 400)
    }

    @Test("Each operator in scope passes its test, before and after export", arguments: included)
    func passes(_ entry: Entry) throws {
        let problem = try ConformanceProblem(entry)
        let graph = try problem.graph()
        let outputs = try ReferenceExecutor(graph).run(problem.inputs(of: graph))
        #expect(outputs.count == problem.outputs.count)
        for (output, expected) in zip(outputs, problem.outputs) {
            try expectClose(
                output, expected.carried(as: output), relative: 1e-3, absolute: entry.suite == "node" ? 1e-6 : 1e-5)
        }

        let shapes = Dictionary(uniqueKeysWithValues: graph.inputs.map { ($0.name, $0.type.shape.dimensions) })
        let again = try ONNXModel(
            bytes: try ONNXFile.encode(graph), settings: ONNXImportSettings(inputShapes: shapes)
        ).graph
        #expect(again.inputs == graph.inputs)
        for (output, original) in zip(try ReferenceExecutor(again).run(problem.inputs(of: graph)), outputs) {
            try expectClose(output, original, relative: 0, absolute: 0)
        }
    }

    @Test("A test out of scope is refused with a typed error that names the reason", arguments: excluded)
    func isRefused(_ entry: Entry) throws {
        let problem = try ConformanceProblem(entry)
        let error = #expect(throws: ONNXImportError.self) { try problem.graph() }
        let phrase = try #require(ConformanceScope.exclusion(of: entry)).phrase
        #expect(error?.message.contains(phrase) == true, "\(error?.message ?? "it passes: remove it from the list")")
    }
}

extension Tensor {
    /// Integers and conditions as the floats that carry them, where the other tensor is floats.
    func carried(as other: Tensor) throws -> Tensor {
        guard other.element == .float32, element != .float32 else { return self }
        let values: [Float] =
            switch element {
            case .float32: try floats()
            case .int64: withElements(as: Int64.self) { $0.map(Float.init) }
            case .int32: withElements(as: Int32.self) { $0.map(Float.init) }
            case .int8: withElements(as: Int8.self) { $0.map(Float.init) }
            case .uint8, .boolean: withElements(as: UInt8.self) { $0.map(Float.init) }
            }
        return try Tensor(values, shape: shape.dimensions)
    }
}

/// A test's model with its stored tensors.
struct ConformanceProblem {
    private var proto: ONNXModelProto
    private let given: [(name: String, tensor: Tensor)]
    let outputs: [Tensor]

    init(_ entry: ConformanceTests.Entry) throws {
        proto = try ONNXModelProto(parsing: try SharedFiles.bytes("\(entry.folder)/model.onnx"))
        let names = proto.graph.input.map(\.name)
        func tensors(_ prefix: String) throws -> [(index: Int, tensor: Tensor)] {
            try SharedFiles.names(in: "\(entry.folder)/test_data_set_0").filter { $0.hasPrefix(prefix) }.compactMap {
                guard let index = Int($0.dropFirst(prefix.count).dropLast(3)) else { return nil }
                let file = SharedFiles.path("\(entry.folder)/test_data_set_0/\($0)")
                // Tensors of types that graphs do not have are left out; only refused models have them.
                do { return (index, try ONNXTensorFile.load(path: file).tensor) } catch {
                    guard ConformanceScope.exclusion(of: entry) != nil else { throw error }
                    return nil
                }
            }.sorted { $0.index < $1.index }
        }
        given = try tensors("input_").filter { $0.index < names.count }.map { (names[$0.index], $0.tensor) }
        outputs = try tensors("output_").map(\.tensor)
    }

    /// The tests give as inputs what models have as constants: shapes, axes, bounds.
    private var constants: Set<String> {
        var names: Set<String> = []
        for node in proto.graph.node {
            switch node.opType {
            case "ArgMax", "ConstantOfShape", "Range", "TopK":
                names.formUnion(node.input)
            case "DequantizeLinear" where node.attribute.contains { $0.name == "block_size" }:
                names.formUnion(node.input.dropFirst())
            case "Where":
                names.formUnion(node.input.prefix(1))
            case "Resize", "Upsample", "Clip", "Dropout", "Expand", "Gather", "Pad", "ReduceMax", "ReduceMean",
                "ReduceMin", "ReduceSum",
                "Reshape", "Slice", "Split", "Squeeze", "Unsqueeze":
                names.formUnion(node.input.dropFirst())
            default: break
            }
        }
        return names
    }

    func graph() throws -> Graph {
        var settings = ONNXImportSettings()
        let constants = constants
        for (name, tensor) in given {
            if constants.contains(name) {
                settings.fixedInputs[name] = tensor
            } else {
                settings.inputShapes[name] = tensor.shape.dimensions
            }
        }
        return try proto.load(settings: settings).graph
    }

    func inputs(of graph: Graph) -> [Tensor] {
        graph.inputs.compactMap { input in given.first { $0.name == input.name }?.tensor }
    }
}
