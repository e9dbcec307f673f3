// SPDX-License-Identifier: Apache-2.0
import EngineMessages
import Foundation
import HostCore
import ModelGraph
import Tensors
import TestSupport

extension TestEngine {
    /// An honest engine.
    convenience init(port: Int = 0) throws { try self.init(port: port, TestModel.answer) }
}

/// The model of these tests: two inputs, two outputs, made by hand.
enum TestModel {
    static let signature = Result {
        func value(_ name: String, _ shape: [Int]) throws -> Value {
            Value(name: name, type: TensorType(.float32, try Shape(shape)))
        }
        return try BackNetSignature(
            inputs: [value("layer1.relu_out", [1, 2, 2]), value("skip \"x\"", [1, 3])],
            outputs: [value("sum", [1, 3]), value("first", [1, 1, 2])])
    }

    static func compute(_ inputs: [[Float]]) -> [[Float]] {
        let sum = inputs[0].reduce(0, +)
        return [inputs[1].map { $0 * sum + 1 / 3 }, [inputs[0][0], inputs[1][2] - sum]]
    }

    /// As an engine that this process has.
    struct Engine: BackNetEngine {
        var factor: Float = 1
        func run(_ inputs: [Tensor]) async -> BackNetRun? {
            guard let outputs = try? TestModel.run(inputs) else { return nil }
            return BackNetRun(outputs: outputs, queued: .zero, computed: .zero)
        }
    }

    static func run(_ inputs: [Tensor]) throws -> [Tensor] {
        try zip(compute(try inputs.map { try $0.floats() }), try signature.get().outputs).map {
            try Tensor($0, shape: $1.type.shape.dimensions)
        }
    }

    static func inputs(_ seed: Float) throws -> [Tensor] {
        [
            try Tensor([seed, 0.1, 1e-7, seed * 16_777_213], shape: [1, 2, 2]),
            try Tensor([seed / 3, -2, 0.3], shape: [1, 3]),
        ]
    }

    /// How an engine changes its answer.
    struct Twist: Sendable {
        var answersInJSON = false
        var name = "model"
        var shape: [Int]?
        var datatype = "FP32"
        var change: @Sendable ([[Float]]) -> [[Float]] = { $0 }
        var dropsOutput = false
        var extra: [UInt8] = []
    }

    @Sendable static func answer(_ request: TestEngine.Request) -> TestEngine.Reaction { answer(request, Twist()) }

    /// As an honest engine that takes both forms does.
    static func answer(_ request: TestEngine.Request, _ twist: Twist) -> TestEngine.Reaction {
        guard request.path.hasSuffix("/infer") else {
            return request.path == "/v2/models/model/ready" ? .answer(200, [:], []) : .answer(404, [:], [])
        }
        guard let (values, areBinary) = request.floats else {
            return .answer(400, [:], Array(#"{"error":"no JSON"}"#.utf8))
        }
        return answer(twist.change(compute(values)), inBinary: areBinary && !twist.answersInJSON, twist)
    }

    private static func answer(_ results: [[Float]], inBinary: Bool, _ twist: Twist) -> TestEngine.Reaction {
        guard let signature = try? signature.get() else { return .close }
        var outputs: [String] = []
        var tail: [UInt8] = []
        // Another order than the signature's, and an output that was not requested.
        var listed =
            zip(signature.outputs, results).map { ($0.name, $0.type.shape.dimensions, $1) }.reversed()
            + [("unasked", [1], [Float(7)])]
        if twist.dropsOutput { listed.removeFirst() }
        for (name, shape, values) in listed {
            let shape = name == "unasked" ? shape : twist.shape ?? shape
            let start = #"{"name":"\#(name)","datatype":"\#(twist.datatype)","shape":\#(shape),"#
            if inBinary {
                let bytes = values.withUnsafeBytes { Array($0) }
                outputs.append(start + #""parameters":{"binary_data_size":\#(bytes.count)}}"#)
                tail += bytes
            } else {
                let numbers = values.map { Double($0).description }.joined(separator: ",")
                // Nested as numpy's tolist() has it.
                outputs.append(start + #""parameters":null,"data":[[\#(numbers)]]}"#)
            }
        }
        let head = Array(
            #"{"model_name":"\#(twist.name)","model_version":null,"id":null,"parameters":null,"outputs":[\#(outputs.joined(separator: ","))]}"#
                .utf8)
        let headers = inBinary ? ["Inference-Header-Content-Length": "\(head.count)"] : [:]
        return .answer(200, headers, head + tail + twist.extra)
    }
}
