// SPDX-License-Identifier: Apache-2.0
import InfenclaveImaging
import OpenInference

/// One of the two models that the proxy offers for an enclave's model. The first takes the input tensor; the second
/// takes pictures, which the proxy resizes and crops.
struct InferenceModel: Sendable {
    enum Kind: Sendable { case tensors, pictures }

    static let version = "1"
    static let pictureSuffix = "_image"
    static let pictureInput = "image"
    static let indices = "INDICES"
    static let probabilities = "PROBABILITIES"
    static let labels = "LABELS"
    /// The scores in the order of the classes, offered if an answer lists all classes.
    static let scores = "SCORES"

    let served: ServedModel
    let kind: Kind

    /// - Throws: ``OpenInferenceError`` `.notFound`.
    init(_ name: String, version: String?, of served: ServedModel) throws(OpenInferenceError) {
        if name == served.name {
            kind = .tensors
        } else if name == served.name + Self.pictureSuffix {
            kind = .pictures
        } else {
            throw OpenInferenceError(
                .notFound,
                "no model '\(name.beginning())'; there are '\(served.name)' and '\(served.name)\(Self.pictureSuffix)'")
        }
        guard version == nil || version == "" || version == Self.version else {
            throw OpenInferenceError(
                .notFound, "no version '\(version?.beginning(20) ?? "")' of '\(name)'; there is '\(Self.version)'")
        }
        self.served = served
    }

    var name: String { served.name + (kind == .pictures ? Self.pictureSuffix : "") }

    var listsAllClasses: Bool { served.topK == served.classes }

    var metadata: ModelMetadata {
        func output(_ name: String, _ datatype: Datatype, _ count: Int) -> TensorMetadata {
            TensorMetadata(name: name, datatype: datatype, shape: [-1, count])
        }
        return ModelMetadata(
            name: name, versions: [Self.version], platform: "infenclave", inputs: [input],
            outputs: [
                output(Self.indices, .int64, served.topK), output(Self.probabilities, .fp32, served.topK),
                output(Self.labels, .bytes, served.topK),
            ] + (listsAllClasses ? [output(Self.scores, .fp32, served.classes)] : []))
    }

    /// One datatype for each input: pixels unless the owner allows floats.
    var input: TensorMetadata {
        switch kind {
        case .pictures: TensorMetadata(name: Self.pictureInput, datatype: .bytes, shape: [-1])
        case .tensors where served.acceptsFloats:
            TensorMetadata(
                name: served.inputName, datatype: .fp32, shape: [-1, served.channels, served.height, served.width])
        case .tensors:
            TensorMetadata(
                name: served.inputName, datatype: .uint8, shape: [-1, served.height, served.width, served.channels])
        }
    }
}
