// SPDX-License-Identifier: Apache-2.0
import Evidence
import Inference
import ModelGraph
import SealedChannel
import SecretMemory
import Tensors
import Wire

/// The opened parts of a provisioned enclave. It has no state, so several threads may use it at a time, each with a
/// worker number of its own.
final class Classifier: Sendable {
    /// The outcome of the FrontNet for a request.
    enum Start: ~Copyable {
        /// Everything is inside: the binary HTTP response to seal.
        case answered(SecretBytes)
        /// These go to the host; the others stay.
        case boundary([Tensor], retained: [String: Tensor])
    }

    /// The facts, derived from the parts themselves.
    let facts: ServiceFacts
    private let frontNet: FrontNet
    private let mappingUnit: MappingUnit
    /// The mapping unit's inputs that the BackNet computes; they come first.
    let backOutputs: [Value]
    /// Bytes of a sealed request, at most.
    let maximumRequestBytes: Int

    var layout: AnswerLayout { mappingUnit.layout }

    /// Decrypts and compiles both parts, and compares their facts with those of the manifest core.
    ///
    /// - Throws: ``EnclaveRefusal``: `frontNetRefused`, `mappingUnitRefused`, `factsMismatch`.
    init(
        opening bundle: SealedBundle, with provisioning: ProvisioningMessage, workers: InferenceWorkers
    ) throws(EnclaveRefusal) {
        // A wrong key is detected here, before any ciphertext is released.
        try bundle.authenticate(with: provisioning)
        // One part is opened and compiled after the other, and each constant is released once it is laid out.
        let frontPart = try bundle.openFrontNet(with: provisioning)
        let frontPrecision = frontPart.precision.level
        let frontNet = try FrontNet(
            consume frontPart,
            noiseKey: NoiseKey(provisioning.modelKey, manifestDigest: bundle.manifest.digest), workers: workers)
        let mappingPart = try bundle.openMappingUnit(with: provisioning)
        let precision = max(frontPrecision, mappingPart.precision.level)
        let mappingUnit = try MappingUnit(consume mappingPart, workers: workers)
        let backOutputs = try Self.backOutputs(from: frontNet, to: mappingUnit)
        let found = try Self.facts(frontNet, mappingUnit, backOutputs, precision)
        let facts = Defence.facts.isInPlace ? found : bundle.manifest.core.service
        guard facts == bundle.manifest.core.service else { throw EnclaveRefusal(.factsMismatch) }
        self.facts = facts
        self.backOutputs = backOutputs
        maximumRequestBytes = frontNet.inputTypes.reduce(0) {
            max($0, ClassificationRequest.maximumBinaryRequestBytes(for: $1) + Self.encapsulationBytes)
        }
        self.frontNet = frontNet
        self.mappingUnit = mappingUnit
    }

    /// Header, encapsulated key and tag of a sealed request, at most.
    private static let encapsulationBytes = 2048

    /// The mapping unit's inputs are results of the FrontNet, of the same type, and otherwise results of the BackNet.
    /// If nothing crosses to the host, nothing may come back.
    private static func backOutputs(
        from frontNet: borrowing FrontNet, to mappingUnit: borrowing MappingUnit
    ) throws(EnclaveRefusal) -> [Value] {
        var made: [String: TensorType] = [:]
        for output in frontNet.outputs { made[output.name] = output.type }
        var backOutputs: [Value] = []
        for input in mappingUnit.inputs {
            guard let type = made[input.name] else {
                backOutputs.append(input)
                continue
            }
            guard type == input.type else { throw EnclaveRefusal(.mappingUnitRefused) }
        }
        guard backOutputs.isEmpty == frontNet.boundary.isEmpty else { throw EnclaveRefusal(.mappingUnitRefused) }
        return backOutputs
    }

    private static func facts(
        _ frontNet: borrowing FrontNet, _ mappingUnit: borrowing MappingUnit, _ backOutputs: [Value],
        _ precision: PrecisionTable.Level
    ) throws(EnclaveRefusal) -> ServiceFacts {
        let shape = frontNet.inputShape
        do throws(EvidenceError) {
            return try ServiceFacts(
                acceptsFloats: frontNet.acceptsFloats, precision: .init(precision),
                channels: shape[1], height: shape[2], width: shape[3], classes: mappingUnit.classes,
                topK: mappingUnit.layout.classCount, sigma: frontNet.sigma, toHost: frontNet.boundary.map(\.type),
                fromHost: backOutputs.map(\.type))
        } catch { throw EnclaveRefusal(.factsMismatch) }
    }

    /// Checks the client's token and quota.
    ///
    /// - Parameters:
    ///   - request: A binary HTTP request that its channel key opened.
    ///   - ledger: Charged for a request of a listed client.
    ///   - onListedClient: Called once the token is known to be listed, before anything is computed.
    /// - Returns: The FrontNet's input.
    /// - Throws: ``AnswerRefusal``: `malformedRequest`, `unknownToken`, `wrongTensorType`, `overLimit`, `tooManyRequests`.
    func admit(
        _ request: RawSpan, ledger: inout ClientLedger, at now: Duration, onListedClient: () -> Void
    ) throws(AnswerRefusal) -> Tensor {
        let classification: ClassificationRequest
        do throws(SealedChannelError) {
            classification = try ClassificationRequest(binaryRequest: request, accepting: frontNet.inputTypes)
        } catch {
            throw AnswerRefusal(error.code == .wrongTensorType ? .wrongTensorType : .malformedRequest)
        }
        guard let client = ledger.client(classification.token) else { throw AnswerRefusal(.unknownToken) }
        do throws(AnswerRefusal) { try ledger.charge(client, at: now) } catch {
            // A lease's quota is not refilled while these keys are valid. The rate is, and then a replay would be
            // served.
            if error.status != .overLimit { onListedClient() }
            throw error
        }
        onListedClient()
        return classification.tensor
    }

    /// Runs the FrontNet and, where everything is inside, the mapping unit.
    ///
    /// - Throws: ``AnswerRefusal``: `wrongTensorType` for an input that is not finite, `failed`.
    func start(_ input: Tensor, worker: Int) throws(AnswerRefusal) -> Start {
        let (results, boundary) = try frontNet.run(input, worker: worker)
        var made: [String: Tensor] = [:]
        for (output, tensor) in zip(frontNet.outputs, results) { made[output.name] = tensor }
        if backOutputs.isEmpty { return .answered(try answer(backNet: [], retained: made, worker: worker)) }
        var retained: [String: Tensor] = [:]
        for input in mappingUnit.inputs { retained[input.name] = made[input.name] }
        return .boundary(boundary, retained: retained)
    }

    /// Runs the mapping unit.
    ///
    /// - Parameters:
    ///   - tensors: The BackNet results that the host returned, in the enclave's own memory.
    ///   - retained: The tensors that ``start(_:worker:)`` retained.
    /// - Returns: The binary HTTP response to seal.
    /// - Throws: ``AnswerRefusal``: `outsideFailed` if their number, types or values are invalid; `failed`.
    func answer(
        backNet tensors: [Tensor], retained: [String: Tensor], worker: Int
    ) throws(AnswerRefusal) -> SecretBytes {
        guard tensors.map(\.type) == backOutputs.map(\.type), tensors.allSatisfy(\.isFinite) else {
            throw AnswerRefusal(.outsideFailed)
        }
        var known = retained
        for (output, tensor) in zip(backOutputs, tensors) { known[output.name] = tensor }
        var inputs: [Tensor] = []
        for input in mappingUnit.inputs {
            guard let tensor = known[input.name] else { throw AnswerRefusal(.failed) }
            inputs.append(tensor)
        }
        return try mappingUnit.answer(inputs, worker: worker)
    }
}

extension ServiceFacts.Precision {
    init(_ level: PrecisionTable.Level) {
        switch level {
        case .float32: self = .float32
        case .bfloat16: self = .bfloat16
        case .integer8: self = .int8
        }
    }
}
