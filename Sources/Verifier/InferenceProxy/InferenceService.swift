// SPDX-License-Identifier: Apache-2.0
import InfenclaveImaging
package import OpenInference

/// The operations of the Open Inference Protocol, independent of REST or gRPC.
package struct InferenceService: Sendable {
    private let backend: any ClassificationBackend
    private let version: String

    /// Limit of the pictures of one request that are sent to an enclave at a time.
    private static let maximumInFlight = 4

    /// - Parameter version: The version of this program.
    package init(backend: any ClassificationBackend, version: String) {
        self.backend = backend
        self.version = version
    }

    package var metadata: ServerMetadata {
        ServerMetadata(
            name: "infenclave", version: version, extensions: ["binary_tensor_data", "classification"])
    }

    package var readiness: Readiness { backend.readiness }

    /// - Throws: ``OpenInferenceError``: `.notFound`, or why no enclave answers.
    package func metadata(of name: String, version: String?) async throws -> ModelMetadata {
        try await model(name, version).metadata
    }

    /// Checks that the model exists and would answer.
    ///
    /// - Throws: ``OpenInferenceError`` `.notFound`, `.unavailable`.
    package func checkReadiness(of name: String, version: String?) async throws {
        if case .notReady(let reason) = backend.readiness { throw OpenInferenceError(.unavailable, reason) }
        _ = try await model(name, version)
    }

    /// Answers a request.
    ///
    /// - Throws: ``OpenInferenceError``; `CancellationError`.
    package func infer(
        _ request: InferenceRequest, model name: String, version: String?
    ) async throws -> InferenceResponse {
        let model = try await model(name, version)
        let outputs = try model.requestedOutputs(of: request)
        let inputs = try model.inputs(of: request)
        let answers = try await answers(to: inputs)
        guard answers.allSatisfy({ $0.count == model.served.topK }) else {
            throw OpenInferenceError(.unavailable, "the model was replaced meanwhile; ask for its metadata again")
        }
        return model.response(to: request, with: answers, outputs: outputs)
    }

    /// A raw binary request: all of the body is the model's one input.
    ///
    /// - Throws: As ``infer(_:model:version:)``.
    package func infer(
        rawBody body: [UInt8], model name: String, version: String?
    ) async throws -> InferenceResponse {
        let input = try await model(name, version).input
        return try await infer(try InferenceRequest(rawBody: body, input: input), model: name, version: version)
    }

    private func model(_ name: String, _ version: String?) async throws -> InferenceModel {
        try InferenceModel(name, version: version, of: try await translating { try await backend.model() })
    }

    private func answers(to inputs: [ModelInput]) async throws -> [[Classification]] {
        guard inputs.count > 1 else {
            return try await translating { [try await backend.classify(inputs[0])] }
        }
        return try await translating {
            try await withThrowingTaskGroup(of: (Int, [Classification]).self) { group in
                var answers = [[Classification]](repeating: [], count: inputs.count)
                for (number, input) in inputs.enumerated() {
                    if number >= Self.maximumInFlight, let (done, answer) = try await group.next() {
                        answers[done] = answer
                    }
                    group.addTask { (number, try await classify(input, number)) }
                }
                for try await (done, answer) in group { answers[done] = answer }
                return answers
            }
        }
    }

    /// Adds to an error which of several pictures the model does not accept.
    private func classify(_ input: ModelInput, _ number: Int) async throws -> [Classification] {
        do { return try await backend.classify(input) } catch let error as ClientError
            where error.code == .invalidInput
        {
            throw ClientError(.invalidInput, "picture \(number + 1) of the batch: \(error.message)")
        }
    }

    private func translating<Value>(_ body: () async throws -> Value) async throws -> Value {
        do { return try await body() } catch let error as ClientError { throw OpenInferenceError(error) }
    }
}

extension OpenInferenceError {
    /// Translates a failure of the client into an error for the proxy's own client.
    init(_ error: ClientError) {
        let code: Code =
            switch error.code {
            case .invalidInput: .invalidArgument
            case .unknownToken: .permissionDenied
            case .refused where error.refusal == .overLimit || error.refusal == .tooManyRequests: .resourceExhausted
            case .invalidResponse: .internalFault
            // Unreachable, late, temporarily refused, not attested, or no usable policy: no server can answer.
            default: .unavailable
            }
        let prefix = error.code == .attestationRejected ? "the server is not attested, and nothing was sent: " : ""
        self.init(code, prefix + error.message + (error.remedy.isEmpty ? "" : "; \(error.remedy)"))
    }
}
