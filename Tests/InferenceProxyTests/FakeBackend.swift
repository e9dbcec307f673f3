// SPDX-License-Identifier: Apache-2.0
import InfenclaveImaging
import InferenceProxy
import Synchronization

/// A model of 2x3 pixels and 4 classes whose answer shows its input: class 3 has the first byte of the input, divided
/// by 256.
final class FakeBackend: ClassificationBackend {
    private struct State {
        var failure: ClientError?
        var inputs: [ModelInput] = []
    }

    private let served: ServedModel
    private let label: String
    private let state = Mutex(State())

    /// - Parameter label: Of class 3.
    init(topK: Int = 4, acceptsFloats: Bool = false, label: String = "frog") {
        self.label = label
        served = ServedModel(
            name: "toy", inputName: "pixels.0", channels: 3, height: 2, width: 3, acceptsFloats: acceptsFloats,
            classes: 4, topK: topK)
    }

    var inputs: [ModelInput] { state.withLock { $0.inputs } }

    func fail(with error: ClientError?) { state.withLock { $0.failure = error } }

    var readiness: Readiness {
        state.withLock { $0.failure.map { .notReady(reason: $0.message) } ?? .ready }
    }

    func model() async throws -> ServedModel {
        if let failure = state.withLock({ $0.failure }) { throw failure }
        return served
    }

    func classify(_ input: ModelInput) async throws -> [Classification] {
        if let failure = state.withLock({ $0.failure }) { throw failure }
        state.withLock { $0.inputs.append(input) }
        let first: Float
        switch input {
        case .tensor(let tensor) where tensor.element == .uint8: first = Float(try tensor.uint8s()[0]) / 256
        case .tensor(let tensor): first = try tensor.floats()[0]
        case .picture(let file):
            do throws(ImagingError) {
                first = Float(try Image(decoding: file.span.bytes).pixels[0]) / 256
            } catch { throw ClientError(.invalidInput, error.message) }
        }
        let rest = (1 - first) / 4
        return [
            Classification(index: 3, name: label, probability: first),
            Classification(index: 0, name: "cat, \"tabby\"", probability: rest * 2),
            Classification(index: 2, name: "dog", probability: rest),
            Classification(index: 1, name: "", probability: rest),
        ].prefix(served.topK).map(\.self)
    }
}
