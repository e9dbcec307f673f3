// SPDX-License-Identifier: Apache-2.0
public import Tensors

/// What a bundle's sealed parts do, as far as it matters to a client's security. The manifest core states it under the
/// owner's signature. The enclave derives it from the parts that it opened and states it in its evidence. A client
/// compares both.
///
/// Layout, little-endian: u16 version = 1 ‖ u8 inputs (1 `u8`, 3 `u8` and `f32`) ‖ u8 precision ‖ u32 channels ‖ u32
/// height ‖ u32 width ‖ u32 classes ‖ u32 topK ‖ f64 sigma (0 for none) ‖ u16 n ‖ types of the n tensors that cross to
/// the host ‖ u16 m ‖ types of the m tensors that come back. A type is u8 element ‖ u8 rank ‖ u64 extent, rank times.
public struct ServiceFacts: Sendable, Hashable {
    /// The lowest precision that any layer inside the enclave may use. A processor that lacks the instructions uses a
    /// higher one.
    public enum Precision: UInt8, Sendable, Hashable, CaseIterable {
        case float32 = 1
        case bfloat16 = 2
        case int8 = 3
    }

    /// The version of the encoding.
    package static let version: UInt16 = 1
    /// Limit of the number of boundary tensors in each direction.
    package static let maximumTensors = 256
    private static let maximumExtent = 1 << 16
    private static let maximumClasses = 1 << 20
    /// The same limit as for answers.
    private static let maximumTopK = 1000

    /// Whether requests may hold the normalised f32 tensor; u8 pixels are always accepted.
    public let acceptsFloats: Bool
    /// The lowest precision of a layer inside the enclave.
    public let precision: Precision
    /// Channels of the input.
    public let channels: Int
    /// Height of the input in pixels.
    public let height: Int
    /// Width of the input in pixels.
    public let width: Int
    /// Number of classes.
    public let classes: Int
    /// Number of entries in an answer.
    public let topK: Int
    /// The standard deviation of the noise that the enclave adds to each float that crosses to the host; `nil` for
    /// none.
    public let sigma: NoiseDeviation?
    /// The tensors that cross to the host, in the BackNet's order of inputs.
    public let toHost: [TensorType]
    /// The tensors that the host returns, in the BackNet's order of outputs.
    public let fromHost: [TensorType]

    /// Whether nothing crosses in either direction.
    public var isEverythingInside: Bool { toHost.isEmpty && fromHost.isEmpty }
    /// Bytes that cross to the host for one image.
    public var boundaryByteCount: Int { toHost.reduce(0) { $0 + $1.byteCount } }

    /// - Throws: ``EvidenceError`` (malformed) for a value out of range, noise where nothing crosses, or tensors in one
    ///   direction only.
    package init(
        acceptsFloats: Bool, precision: Precision, channels: Int, height: Int, width: Int, classes: Int, topK: Int,
        sigma: NoiseDeviation?, toHost: [TensorType], fromHost: [TensorType]
    ) throws(EvidenceError) {
        func require(_ condition: Bool, _ message: @autoclosure () -> String) throws(EvidenceError) {
            guard condition else { throw EvidenceError(.malformed, "service facts: \(message())") }
        }
        for (name, extent) in [("channels", channels), ("height", height), ("width", width)] {
            try require(
                (1...Self.maximumExtent).contains(extent),
                "\(name) is \(extent); expected 1 to \(Self.maximumExtent)")
        }
        try require((2...Self.maximumClasses).contains(classes), "\(classes) classes; expected 2 or more")
        try require(
            (1...min(classes, Self.maximumTopK)).contains(topK),
            "top \(topK) of \(classes) classes; expected at most \(Self.maximumTopK)")
        try require(
            max(toHost.count, fromHost.count) <= Self.maximumTensors,
            "\(toHost.count) and \(fromHost.count) tensors cross; expected at most \(Self.maximumTensors)")
        try require(toHost.isEmpty == fromHost.isEmpty, "tensors cross in one direction only")
        try require(sigma == nil || !toHost.isEmpty, "noise, but nothing crosses")
        self.acceptsFloats = acceptsFloats
        self.precision = precision
        self.channels = channels
        self.height = height
        self.width = width
        self.classes = classes
        self.topK = topK
        self.sigma = sigma
        self.toHost = toHost
        self.fromHost = fromHost
    }

    /// The bytes in the manifest core and in ``EnclaveFacts``.
    package func encoded() -> [UInt8] {
        var writer = ByteWriter()
        writer.write(Self.version)
        writer.write(UInt8(acceptsFloats ? 3 : 1))
        writer.write(precision.rawValue)
        for value in [channels, height, width, classes, topK] { writer.write(UInt32(value)) }
        writer.write((sigma?.value ?? 0).bitPattern)
        for types in [toHost, fromHost] {
            writer.write(UInt16(types.count))
            for type in types {
                writer.write(type.element.rawValue)
                writer.write(UInt8(type.shape.rank))
                for extent in type.shape.dimensions { writer.write(UInt64(extent)) }
            }
        }
        return writer.bytes
    }

    /// - Throws: ``EvidenceError``: `malformed`, `unsupported` for another version.
    package init(decoding bytes: [UInt8]) throws(EvidenceError) {
        let fields: Fields
        do throws(TensorError) { fields = try Fields(bytes.span.bytes) } catch {
            throw EvidenceError(.malformed, "service facts: \(error.message)")
        }
        guard fields.version == Self.version else {
            throw EvidenceError(.unsupported, "service facts: version \(fields.version); expected \(Self.version)")
        }
        let sigma = NoiseDeviation(fields.sigma)
        // Zero sigma has one encoding: positive zero.
        guard [1, 3].contains(fields.inputs), let precision = Precision(rawValue: fields.precision),
            sigma != nil || fields.sigma.bitPattern == 0
        else { throw EvidenceError(.malformed, "service facts: inputs, precision or sigma is out of range") }
        try self.init(
            acceptsFloats: fields.inputs == 3, precision: precision, channels: fields.numbers[0],
            height: fields.numbers[1], width: fields.numbers[2], classes: fields.numbers[3], topK: fields.numbers[4],
            sigma: sigma, toHost: fields.toHost, fromHost: fields.fromHost)
    }
}

/// The raw fields, before they are checked together. For an unknown version only the version number is read.
private struct Fields {
    let version: UInt16
    var inputs: UInt8 = 0
    var precision: UInt8 = 0
    /// Channels, height, width, classes, topK.
    var numbers: [Int] = []
    var sigma: Double = 0
    var toHost: [TensorType] = []
    var fromHost: [TensorType] = []

    init(_ bytes: RawSpan) throws(TensorError) {
        var reader = ByteReader(bytes)
        version = try reader.read("version")
        guard version == ServiceFacts.version else { return }
        inputs = try reader.read("inputs")
        precision = try reader.read("precision")
        for _ in 0..<5 { numbers.append(Int(try reader.read(UInt32.self, "extents and classes"))) }
        sigma = Double(bitPattern: try reader.read("sigma"))
        toHost = try Self.types(&reader)
        fromHost = try Self.types(&reader)
        try reader.finish()
    }

    private static func types(_ reader: inout ByteReader) throws(TensorError) -> [TensorType] {
        let count: UInt16 = try reader.read("number of tensors")
        guard count <= ServiceFacts.maximumTensors else { throw TensorError(.malformed, "\(count) tensors") }
        var types: [TensorType] = []
        for _ in 0..<count { types.append(try TensorType(from: &reader, extents: UInt64.self)) }
        return types
    }
}
