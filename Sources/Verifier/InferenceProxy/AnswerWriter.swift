// SPDX-License-Identifier: Apache-2.0
import InfenclaveImaging
import OpenInference

extension InferenceModel {
    /// The outputs of the answer: those that the request names, or all if it names none.
    ///
    /// - Throws: ``OpenInferenceError`` `.invalidArgument` for an output that the model does not have.
    func requestedOutputs(of request: InferenceRequest) throws(OpenInferenceError) -> [RequestedOutput] {
        let names = metadata.outputs.map(\.name)
        guard !request.outputs.isEmpty else { return names.map { RequestedOutput(name: $0) } }
        for output in request.outputs {
            guard names.contains(output.name) else {
                let why =
                    output.name == Self.scores
                    ? "an answer lists \(served.topK) of \(served.classes) classes" : "unknown"
                throw OpenInferenceError(
                    .invalidArgument,
                    "no output '\(output.name.beginning())' (\(why)); there are \(names.joined(separator: ", "))")
            }
            guard let count = output.classification else { continue }
            guard count >= 1 else {
                throw OpenInferenceError(.invalidArgument, "classification takes 1 or more classes, found \(count)")
            }
            guard [Self.probabilities, Self.scores].contains(output.name) else {
                throw OpenInferenceError(
                    .invalidArgument, "classification is offered for the output \(Self.probabilities)")
            }
        }
        return request.outputs
    }

    /// - Parameter answers: The classes of each picture, the most probable first.
    func response(
        to request: InferenceRequest, with answers: [[Classification]], outputs: [RequestedOutput]
    ) -> InferenceResponse {
        InferenceResponse(
            model: name, version: Self.version, identifier: request.identifier,
            outputs: outputs.map { output in
                let (values, count) = values(of: output, answers)
                return InferenceOutput(
                    name: output.name, shape: [answers.count, count], values: values,
                    isBinary: output.isBinary ?? request.wantsBinaryOutputs)
            })
    }

    private func values(
        of output: RequestedOutput, _ answers: [[Classification]]
    ) -> (values: InferenceOutput.Values, count: Int) {
        if let wanted = output.classification {
            let count = min(wanted, served.topK)
            // In Triton's form: value, position and name.
            let texts = answers.flatMap { $0.prefix(count).map { "\($0.probability):\($0.index):\($0.name)" } }
            return (.texts(texts), count)
        }
        let all = answers.flatMap(\.self)
        switch output.name {
        case Self.indices: return (.int64(all.map { Int64($0.index) }), served.topK)
        case Self.labels: return (.texts(all.map(\.name)), served.topK)
        case Self.scores:
            let scores = answers.flatMap { answer in answer.sorted { $0.index < $1.index }.map(\.probability) }
            return (.fp32(scores), served.classes)
        default: return (.fp32(all.map(\.probability)), served.topK)
        }
    }
}
