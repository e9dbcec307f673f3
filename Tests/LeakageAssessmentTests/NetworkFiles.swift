// SPDX-License-Identifier: Apache-2.0
import Foundation
import LeakageAssessment
import ONNXImport
import Tensors
import TestSupport

/// Networks of the repository and of the shared files.
enum NetworkFiles {
    static let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    /// The folder of the demo.
    static let demo = tests.deletingLastPathComponent().appending(path: "Examples/demo").path()

    /// `classifier` or `validator`.
    static func demo(_ name: String) throws -> AssessmentConfiguration.Network {
        try network(demo + "/\(name).onnx", demo + "/preprocess.json")
    }

    static func shared(_ name: String) throws -> AssessmentConfiguration.Network {
        let folder = SharedFiles.path("models/\(name)")
        return try network(folder + "/model.onnx", folder + "/preprocess.json")
    }

    private static func network(_ model: String, _ preprocessing: String) throws -> AssessmentConfiguration.Network {
        AssessmentConfiguration.Network(
            graph: try ONNXModel.load(path: model).graph,
            preprocessing: try JSONDecoder().decode(
                Preprocessing.self, from: Data(contentsOf: URL(filePath: preprocessing))),
            name: "network", sha256: String(repeating: "0", count: 64))
    }
}
