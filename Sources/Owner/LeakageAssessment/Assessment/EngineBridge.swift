// SPDX-License-Identifier: Apache-2.0
internal import Inference
internal import ModelGraph
internal import Tensors

/// Calls the engine and converts its errors to this module's.
enum EngineBridge {
    static func compile(
        _ graph: Graph, name: String, threads: Int = 1, extraMemory: ExtraMemory = .plenty
    ) throws(AssessmentError) -> Plan {
        var options = PlanOptions(threads: threads)
        options.extraMemory = extraMemory
        do throws(InferenceError) {
            return try Plan(compiling: graph, options: options)
        } catch { throw AssessmentError(.engine, "\(name): \(error.message)") }
    }

    static func run(_ plan: Plan, _ inputs: [Tensor]) throws(AssessmentError) -> [Tensor] {
        do throws(InferenceError) { return try plan.run(inputs) } catch {
            throw AssessmentError(.engine, error.message)
        }
    }

    static func graph<Result>(_ body: () throws(GraphError) -> Result) throws(AssessmentError) -> Result {
        do throws(GraphError) { return try body() } catch { throw AssessmentError(.engine, error.message) }
    }
}
