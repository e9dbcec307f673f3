// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials
import Inference
import ModelGraph
import ONNXExport
import ONNXImport
import Tensors

enum ModelTargets {
    /// What a fuzzer may compile in the time of one run.
    private static let maximumCompiledBytes = 8 << 20
    private static let maximumCompiledMultiplyAdds = 1 << 22
    private static let maximumCompiledNodes = 32

    /// An ONNX file, through shape inference, to cuts, canonical file, export and, when it is small, a plan.
    static func onnx(_ bytes: UnsafeRawBufferPointer) throws {
        var settings = ONNXImportSettings()
        settings.isClassifier = true
        if let model = try? ONNXModel(bytes: Data(bytes), settings: settings) {
            promise(model.graph.outputs.count == 1, "a classifier has one output")
            if let input = model.graph.inputs.first, let picture = model.picture {
                _ = try? picture.tensor(from: Tensor([Float(1)], shape: [1]), for: input.type.shape)
            }
            if model.graph.hasOneScore { _ = try? model.graph.withTwoClasses() }
        }
        let model = try ONNXModel(bytes: Data(bytes))
        let encoded = GraphFile.encode(model.graph)
        let decoded = try? GraphFile.decode(encoded.span.bytes)
        promise(decoded.map(GraphFile.encode) == encoded, "an imported graph has a canonical file")
        describe(model.graph)
        _ = try? ONNXFile.encode(model.graph)
        try runIfSmall(model.graph)
    }

    /// A canonical graph file.
    static func graph(_ bytes: UnsafeRawBufferPointer) throws {
        let graph = try GraphFile.decode(bytes.bytes)
        promise(GraphFile.encode(graph).elementsEqual(bytes), "only the canonical encoding of a graph is read")
        describe(graph)
    }

    /// A canonical graph file, compiled for this machine and run when it is small.
    static func engine(_ bytes: UnsafeRawBufferPointer) throws {
        try runIfSmall(try GraphFile.decode(bytes.bytes))
    }

    /// Compiles a graph for this machine and runs it, if that takes a fuzzer's time.
    static func runIfSmall(_ graph: Graph) throws {
        let activationBytes = graph.types.values.reduce(0) { $0 + min($1.byteCount, maximumCompiledBytes) }
        let multiplyAdds = graph.multiplyAddsByNode.reduce(0) { $0 + min($1, maximumCompiledMultiplyAdds) }
        guard graph.nodes.count <= maximumCompiledNodes, activationBytes < maximumCompiledBytes,
            multiplyAdds < maximumCompiledMultiplyAdds
        else { return }
        let plan = try Plan(compiling: graph)
        let inputs = plan.inputs.map { input in
            Tensor(type: input.type, allocator: .standard) { $0.initializeMemory(as: UInt8.self, repeating: 0) }
        }
        let outputs = try plan.run(inputs)
        promise(outputs.map(\.type) == plan.outputs.map(\.type), "a plan returns what it says")
    }

    /// The plaintext of a sealed part.
    static func enclavePart(_ bytes: UnsafeRawBufferPointer) throws {
        try anyAccepts([
            {
                let part = try FrontNetPart(decoding: bytes.bytes, allocator: .standard)
                promise(part.encoded().elementsEqual(bytes), "only the canonical encoding of a FrontNet part is read")
            },
            {
                let part = try MappingUnitPart(decoding: bytes.bytes, allocator: .standard)
                promise(part.encoded().elementsEqual(bytes), "only the canonical encoding of a mapping part is read")
            },
        ])
    }

    /// All that `inspect` and `partition` ask of a graph.
    private static func describe(_ graph: Graph) {
        _ = graph.parametersByNode
        _ = graph.multiplyAddsByNode
        let scores = graph.scoreKind
        for kind in ScoreKind.allCases {
            let read = try? graph.reading(kind)
            promise(kind != .probabilities || read.map { $0.scoreKind == kind } ?? true, "a clip is seen")
        }
        promise((try? graph.reading(scores))?.nodes.count == graph.nodes.count, "what is shown adds nothing")
        // The cuts of a graph take time in the square of its length.
        guard graph.nodes.count <= 64 else { return }
        let cuts = graph.cuts
        if let front = cuts.first, let mapping = cuts.last {
            _ = try? graph.partitioned(front: front, mapping: mapping)
        }
    }
}
