// SPDX-License-Identifier: Apache-2.0
import Inference
import TestSupport
import Testing

/// ONNX's own tests of its operators, through the importer and the engine.
@Suite(.enabled(if: SharedFiles.exists("onnx-node-tests"), "\(SharedFiles.absence)"))
struct EngineConformanceTests {
    @Test("Each operator in scope passes its test in the engine", arguments: ConformanceTests.included)
    func passes(_ entry: ConformanceTests.Entry) throws {
        let problem = try ConformanceProblem(entry)
        let graph = try problem.graph()
        let outputs = try Plan(compiling: graph).run(problem.inputs(of: graph))
        #expect(outputs.count == problem.outputs.count)
        for (output, expected) in zip(outputs, problem.outputs) {
            try expectClose(output, expected.carried(as: output), relative: 1e-3, absolute: 1e-5)
        }
    }
}
