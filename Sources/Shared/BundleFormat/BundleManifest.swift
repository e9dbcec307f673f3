// SPDX-License-Identifier: Apache-2.0
import Evidence
import FoundationEssentials
import StrictJSON
public import Tensors

/// `manifest.json`: the contents of a bundle, for people and programs. Its digest is in the manifest core, which the
/// owner signs; the two state the same facts. It contains nothing that must be hidden from the host: no class name, no
/// weight.
public struct BundleManifest: Sendable, Hashable, Codable {
    /// The version of the format that this build writes and reads.
    package static let currentFormatVersion = 2
    /// Limit of the file's size in bytes.
    package static let maximumBytes = 1 << 20

    /// The format version of this manifest.
    public var formatVersion: Int
    /// 32 random hexadecimal digits, different in every bundle.
    public var identifier: String
    /// The model.
    public var model: Model
    /// The owner's Ed25519 key, 64 hexadecimal digits.
    public var ownerPublicKey: String
    /// The input of a request.
    public var input: Input
    /// The cuts between the parts.
    public var cuts: Cuts
    /// The tensors that cross between enclave and host.
    public var boundary: Boundary
    /// Number of classes.
    public var classes: Int
    /// What the model's output is: `logits`, of which the answers have the softmax, or `probabilities`, which the answers
    /// have as they are; `nil` in bundles of earlier versions.
    public var scores: String?
    /// Number of entries in an answer.
    public var topK: Int
    /// The requested precision: `f32`, `bf16` or `int8`; some layers may have a higher one.
    public var precision: String
    /// `bf16` or `int8` if the owner rounded the weights of convolutions and matrix products to it; `nil` if not.
    public var storedWeights: String?
    /// The deviation of the answers from those in f32, if it was measured.
    public var accuracy: Accuracy?
    /// The files of the bundle besides the manifest.
    public var parts: [Part]
    /// The assessment of the cuts.
    public var assessment: Assessment

    /// The model in a manifest.
    public struct Model: Sendable, Hashable, Codable {
        /// The name under which the model is served.
        public var name: String

        /// A model with this name.
        package init(name: String) { self.name = name }
    }

    /// The input of a request.
    public struct Input: Sendable, Hashable, Codable {
        /// The name of the graph's input.
        public var name: String
        /// `[1, channels, height, width]`.
        public var shape: [Int]
        /// Element types that a request may hold: `u8` pixels (height, width, channel) or the normalised `f32` tensor.
        public var elements: [String]
        /// How clients turn an image into the input.
        public var preprocessing: Preprocessing

        /// The values are not checked here: see ``BundleManifest/init(decoding:)``.
        package init(name: String, shape: [Int], elements: [String], preprocessing: Preprocessing) {
            self.name = name
            self.shape = shape
            self.elements = elements
            self.preprocessing = preprocessing
        }
    }

    /// The cuts between FrontNet, BackNet and mapping unit.
    public struct Cuts: Sendable, Hashable, Codable {
        /// The last layer of the FrontNet.
        public var front: String
        /// The last layer before the mapping unit; equal to `front` when everything is inside.
        public var mapping: String
        /// Whether the BackNet is empty.
        public var everythingInside: Bool

        /// The values are not checked here: see ``BundleManifest/init(decoding:)``.
        package init(front: String, mapping: String, everythingInside: Bool) {
            self.front = front
            self.mapping = mapping
            self.everythingInside = everythingInside
        }
    }

    /// Agreement of the answers in the bundle's precision with those in f32, on the owner's images.
    public struct Accuracy: Sendable, Hashable, Codable {
        /// The number of images.
        public var pictures: Int
        /// Whether calibration used other images than this comparison.
        public var heldOut: Bool
        /// Top-1 agreement: the share of the images whose most probable class is the same, 0 to 1.
        public var top1Agreement: Double
        /// Mean Kullback-Leibler divergence from the answers in f32, in nats.
        public var meanDivergence: Double
        /// The share of the multiply-adds by precision: `f32`, `bf16`, `int8`.
        public var multiplyAdds: [String: Double]

        /// The values are not checked here: see ``BundleManifest/init(decoding:)``.
        package init(
            pictures: Int, heldOut: Bool, top1Agreement: Double, meanDivergence: Double,
            multiplyAdds: [String: Double]
        ) {
            self.pictures = pictures
            self.heldOut = heldOut
            self.top1Agreement = top1Agreement
            self.meanDivergence = meanDivergence
            self.multiplyAdds = multiplyAdds
        }
    }

    /// The tensors that cross between enclave and host.
    public struct Boundary: Sendable, Hashable, Codable {
        /// Tensors that the enclave sends to the host, in the BackNet's order of inputs.
        public var toBackNet: [CrossingTensor]
        /// Tensors that the host returns, in the BackNet's order of outputs.
        public var fromBackNet: [CrossingTensor]
        /// The standard deviation of the noise that the enclave adds to each float of ``toBackNet``; `nil` for none.
        public var sigma: NoiseDeviation?

        /// The values are not checked here: see ``BundleManifest/init(decoding:)``.
        package init(toBackNet: [CrossingTensor], fromBackNet: [CrossingTensor], sigma: NoiseDeviation? = nil) {
            self.toBackNet = toBackNet
            self.fromBackNet = fromBackNet
            self.sigma = sigma
        }
    }

    /// One boundary tensor.
    public struct CrossingTensor: Sendable, Hashable, Codable {
        /// The name of the value in the graph.
        public var tensor: String
        /// The extents for one image, outermost first.
        public var shape: [Int]
        /// The element type, such as `f32`.
        public var type: String
        /// The size for one image in bytes.
        public var bytes: Int

        /// A boundary tensor of this name and type.
        package init(tensor: String, type: TensorType) {
            self.tensor = tensor
            self.shape = type.shape.dimensions
            self.type = type.element.description
            self.bytes = type.byteCount
        }
    }

    /// A file of the bundle.
    public struct Part: Sendable, Hashable, Codable {
        /// The file name.
        public var file: String
        /// The file's size in bytes.
        public var bytes: Int
        /// SHA-256 of the file, 64 hexadecimal digits.
        public var sha256: String
        /// Whether the file is encrypted with the model key.
        public var sealed: Bool

        /// The values are not checked here: see ``BundleManifest/init(decoding:)``.
        package init(file: String, bytes: Int, sha256: String, sealed: Bool) {
            self.file = file
            self.bytes = bytes
            self.sha256 = sha256
            self.sealed = sealed
        }
    }

    /// A manifest of ``currentFormatVersion``. The values are not checked here: see ``init(decoding:)``.
    package init(
        identifier: String, model: Model, ownerPublicKey: String, input: Input, cuts: Cuts, boundary: Boundary,
        classes: Int, scores: String? = nil, topK: Int, precision: String, storedWeights: String? = nil,
        accuracy: Accuracy? = nil,
        parts: [Part],
        assessment: Assessment
    ) {
        formatVersion = Self.currentFormatVersion
        self.identifier = identifier
        self.model = model
        self.ownerPublicKey = ownerPublicKey
        self.input = input
        self.cuts = cuts
        self.boundary = boundary
        self.classes = classes
        self.scores = scores
        self.topK = topK
        self.precision = precision
        self.storedWeights = storedWeights
        self.accuracy = accuracy
        self.parts = parts
        self.assessment = assessment
    }

    /// The bytes of `manifest.json`: sorted keys, so that equal manifests have equal bytes.
    package func encoded() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(self)) + [0x0A]
    }

    /// Reads `manifest.json`.
    ///
    /// - Throws: ``BundleFormatError``.
    package init(decoding bytes: [UInt8]) throws(BundleFormatError) {
        guard bytes.count <= Self.maximumBytes else {
            throw BundleFormatError(
                .malformed, "manifest.json has \(bytes.count) bytes, the limit is \(Self.maximumBytes)")
        }
        do throws(JSONFault) { _ = try JSONText(bytes, name: "manifest.json") } catch {
            throw BundleFormatError(.malformed, error.description)
        }
        struct Version: Decodable { let formatVersion: Int }
        let data = Data(bytes)
        guard let version = try? JSONDecoder().decode(Version.self, from: data) else {
            throw BundleFormatError(.malformed, "manifest.json is not JSON with a formatVersion")
        }
        guard version.formatVersion == Self.currentFormatVersion else {
            throw BundleFormatError(
                .unsupportedVersion,
                "manifest.json has format version \(version.formatVersion), this build reads \(Self.currentFormatVersion): "
                    + "make the bundle again with this version's `infenclave partition`")
        }
        do { self = try JSONDecoder().decode(Self.self, from: data) } catch {
            throw BundleFormatError(.malformed, "manifest.json: \(Self.describe(error))")
        }
        try validate()
    }

    private func validate() throws(BundleFormatError) {
        func require(_ condition: Bool, _ message: @autoclosure () -> String) throws(BundleFormatError) {
            guard condition else { throw BundleFormatError(.malformed, "manifest.json: \(message())") }
        }
        try require([UInt8](lowercaseHex: identifier, count: 16) != nil, "identifier is not 32 hexadecimal digits")
        try require(
            [UInt8](lowercaseHex: ownerPublicKey, count: 32) != nil, "ownerPublicKey is not 64 hexadecimal digits")
        try require(input.shape.count == 4 && input.shape.allSatisfy { (1...1 << 16).contains($0) }, "input.shape")
        try require(
            ["u8"] == input.elements || ["u8", "f32"] == input.elements, "input.elements are not u8, or u8 and f32")
        try require((2...1 << 20).contains(classes) && (1...classes).contains(topK), "classes or topK is out of range")
        for (member, text) in [
            ("model.name", model.name), ("input.name", input.name), ("cuts.front", cuts.front),
            ("cuts.mapping", cuts.mapping), ("precision", precision), ("assessment.status", assessment.status),
            ("assessment.headline", assessment.headline),
        ] { try require(Self.isPlain(text), "\(member) is too long or holds control characters") }
        try require(["f32", "bf16", "int8"].contains(precision), "precision is not f32, bf16 or int8")
        try require(scores.map(["logits", "probabilities"].contains) ?? true, "scores is not logits or probabilities")
        try require(storedWeights.map(["bf16", "int8"].contains) ?? true, "storedWeights is not bf16 or int8")
        try require(
            boundary.sigma == nil || !cuts.everythingInside,
            "boundary.sigma is given, but everything is inside: nothing crosses that noise could hide")
        if let fault = assessment.fault { try require(false, fault) }
        let names = parts.map(\.file)
        try require(Set(names).count == names.count, "a part is listed twice")
        let expected = BundleFile.parts(everythingInside: cuts.everythingInside, precision: precision)
        // A BackNet with weights of over 2 GiB cannot be written as one ONNX file.
        let optional = Set([BundleFile.backNetONNX.rawValue]).subtracting(names)
        try require(
            Set(names) == Set(expected.map(\.rawValue)).subtracting(optional),
            "parts \(names) are not \(expected.map(\.rawValue))")
        for part in parts {
            try require([UInt8](lowercaseHex: part.sha256, count: 32) != nil, "sha256 of \(part.file)")
            try require(part.bytes >= 0, "bytes of \(part.file)")
            try require(part.sealed == BundleFile(rawValue: part.file)?.isSealed, "sealed of \(part.file)")
        }
    }

    /// Whether the text contains only characters that terminals and logs show as they are.
    package static func isPlain(_ text: String) -> Bool {
        text.utf8.count <= 4096
            && text.unicodeScalars.allSatisfy { scalar in
                switch scalar.properties.generalCategory {
                case .control, .format, .lineSeparator, .paragraphSeparator: false
                default: true
                }
            }
    }

    private static func describe(_ error: any Error) -> String {
        switch error {
        case DecodingError.keyNotFound(let key, _): "'\(key.stringValue)' is missing"
        case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context),
            DecodingError.dataCorrupted(let context):
            "\(context.codingPath.map(\.stringValue).joined(separator: ".")) is not what the format demands"
        default: "it cannot be read"
        }
    }
}
