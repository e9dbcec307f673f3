// SPDX-License-Identifier: Apache-2.0
package import Tensors

/// The content of a sealed part. A part has one encoding, and only that encoding is accepted.
package protocol EnclavePart: Sendable {
    /// Passes the encoding to `body` in chunks, so that weights are not copied.
    func visit<Failure: Error>(_ body: (UnsafeRawBufferPointer) throws(Failure) -> Void) throws(Failure)

    /// - Parameters:
    ///   - reader: Read to its end.
    ///   - allocator: Allocates the memory of the weights.
    /// - Throws: ``GraphError``: `malformedFile`, `unsupportedVersion`, and what ``Graph`` and the part refuse.
    init(from reader: inout ByteReader, allocator: StorageAllocator) throws(GraphError)
}

extension EnclavePart {
    /// Bytes of the encoding.
    package var encodedByteCount: Int {
        var count = 0
        visit { count += $0.count }
        return count
    }

    package func encoded() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(encodedByteCount)
        visit { bytes.append(contentsOf: $0) }
        return bytes
    }

    package init(decoding bytes: RawSpan, allocator: StorageAllocator) throws(GraphError) {
        var reader = ByteReader(bytes)
        try self.init(from: &reader, allocator: allocator)
    }

    /// Decodes the bytes as they arrive: the weights are the only large allocation.
    package init(decoding source: any ByteSource, allocator: StorageAllocator) throws(GraphError) {
        var reader = ByteReader(source)
        try self.init(from: &reader, allocator: allocator)
    }
}

/// The content of `frontnet.sealed`: the FrontNet and the normalisation of pixels.
///
/// Layout: magic `INFFRONT`, u16 version = 4, u8 channels, f32 mean and f32 standard deviation per channel, u8 whether
/// f32 inputs are accepted beside u8, f64 deviation of the boundary's noise or 0, u32 number of boundary tensors (the
/// first that many outputs of the graph go to the host), canonical graph, u8 1 and the precision table, or u8 0.
package struct FrontNetPart: EnclavePart {
    package let graph: Graph
    /// Applied to u8 inputs; f32 inputs are used without it.
    package let normalization: PixelNormalization
    /// The number of graph outputs, from the first, that the enclave sends to the host; the rest stay inside.
    package let boundaryCount: Int
    /// The precision of the graph's products.
    package let precision: PrecisionTable
    /// The standard deviation of the noise on the boundary tensors; `nil` for none.
    package let sigma: NoiseDeviation?
    /// Whether requests may hold the normalised f32 tensor; u8 pixels are always accepted.
    package let acceptsFloats: Bool

    package init(
        graph: Graph, normalization: PixelNormalization, boundaryCount: Int, acceptsFloats: Bool,
        precision: PrecisionTable = .float32, sigma: NoiseDeviation? = nil
    ) throws(GraphError) {
        let input = graph.inputs.first?.type.shape
        guard graph.inputs.count == 1, let input, input.rank == 4, input[0] == 1 else {
            throw GraphError(
                .invalidGraph, "a FrontNet takes one image tensor 1xCxHxW, found \(graph.inputs.map(\.type))")
        }
        guard normalization.mean.count == input[1], normalization.std.count == input[1] else {
            throw GraphError(
                .invalidGraph, "the input has \(input[1]) channels, the normalisation \(normalization.mean.count)")
        }
        guard (0...graph.outputs.count).contains(boundaryCount) else {
            throw GraphError(.invalidGraph, "\(boundaryCount) boundary tensors of \(graph.outputs.count) outputs")
        }
        if sigma != nil {
            guard boundaryCount > 0 else {
                throw GraphError(
                    .invalidGraph, "noise on the boundary, but everything is inside: nothing crosses that it could hide"
                )
            }
            for name in graph.outputs.prefix(boundaryCount) where graph.type(of: name).element != .float32 {
                throw GraphError(
                    .invalidGraph,
                    "noise on the boundary, but '\(name)' is \(graph.type(of: name)), expected f32: choose another cut")
            }
        }
        self.graph = graph
        self.normalization = normalization
        self.boundaryCount = boundaryCount
        self.precision = precision.restricted(to: graph)
        self.sigma = sigma
        self.acceptsFloats = acceptsFloats
    }

    private static let magic = Array("INFFRONT".utf8)
    private static let version: UInt16 = 4

    package func visit<Failure: Error>(_ body: (UnsafeRawBufferPointer) throws(Failure) -> Void) throws(Failure) {
        var writer = ByteWriter()
        writer.write(bytes: Self.magic)
        writer.write(Self.version)
        writer.write(UInt8(normalization.mean.count))
        for value in normalization.mean + normalization.std { writer.write(value) }
        writer.write(UInt8(acceptsFloats ? 1 : 0))
        writer.write((sigma?.value ?? 0).bitPattern)
        writer.write(UInt32(boundaryCount))
        try GraphFile.visit(graph, &writer, body)
        precision.encodeTail(into: &writer)
        try writer.bytes.span.withUnsafeBytes { (bytes) throws(Failure) in try body(bytes) }
    }

    package init(from reader: inout ByteReader, allocator: StorageAllocator) throws(GraphError) {
        do throws(GraphError) {
            let normalization: PixelNormalization
            let acceptsFloats: Bool
            let sigma: NoiseDeviation?
            let boundaryCount: Int
            let parts: GraphFile.Parts
            do throws(TensorError) {
                try reader.expectPart(Self.magic, version: Self.version)
                let channels = Int(try reader.read(UInt8.self, "channels"))
                var values: [Float] = []
                for _ in 0..<2 * channels { values.append(try reader.readFloat("normalisation")) }
                normalization = try PixelNormalization(
                    mean: Array(values.prefix(channels)), std: Array(values.suffix(channels)))
                acceptsFloats = try reader.readFlag("f32 inputs")
                let deviation = Double(bitPattern: try reader.read("sigma"))
                sigma = NoiseDeviation(deviation)
                // Zero noise has one encoding: positive zero.
                guard sigma != nil || deviation.bitPattern == 0 else {
                    throw TensorError(.malformed, "sigma is no deviation")
                }
                boundaryCount = Int(try reader.read(UInt32.self, "boundary tensors"))
                parts = try GraphFile.Parts(from: &reader, allocator: allocator)
            } catch { throw GraphError(reading: error) }
            let graph = try parts.graph()
            let precision = try PrecisionTable(endOf: &reader, for: graph)
            try self.init(
                graph: graph, normalization: normalization, boundaryCount: boundaryCount,
                acceptsFloats: acceptsFloats, precision: precision, sigma: sigma)
        } catch { throw error.at("FrontNet part") }
    }
}

/// The content of `mapping.sealed`: the last layers, the class names, and the number of entries in an answer.
///
/// Layout: magic `INFMAPPG`, u16 version = 3, u8 applies softmax, u32 top-k, u32 classes, names, canonical graph, u8 1
/// and the precision table, or u8 0.
package struct MappingUnitPart: EnclavePart {
    package let graph: Graph
    /// Whether the graph outputs logits, to which softmax is applied.
    package let appliesSoftmax: Bool
    /// One name per class, in the order of the model's output.
    package let classNames: [String]
    /// Number of entries in an answer, in descending order of probability.
    package let topK: Int
    /// The precision of the graph's products.
    package let precision: PrecisionTable

    package static let maximumClassNameBytes = 1024
    package static let maximumClasses = 1 << 20

    package init(
        graph: Graph, appliesSoftmax: Bool, classNames: [String], topK: Int, precision: PrecisionTable = .float32
    ) throws(GraphError) {
        let classes = graph.outputs.count == 1 ? graph.type(of: graph.outputs[0]).shape.elementCount : 0
        guard classes >= 2, classes <= Self.maximumClasses else {
            throw GraphError(.invalidGraph, "a classifier has one output of at least 2 classes, found \(classes)")
        }
        guard classNames.count == classes else {
            throw GraphError(
                .invalidGraph,
                "the model has \(classes) classes, the list of class names \(classNames.count): give one name a line")
        }
        guard classNames.allSatisfy({ $0.utf8.count <= Self.maximumClassNameBytes }) else {
            throw GraphError(.invalidGraph, "a class name is over \(Self.maximumClassNameBytes) bytes")
        }
        guard (1...classes).contains(topK) else {
            throw GraphError(.invalidGraph, "top \(topK) of \(classes) classes")
        }
        self.graph = graph
        self.appliesSoftmax = appliesSoftmax
        self.classNames = classNames
        self.topK = topK
        self.precision = precision.restricted(to: graph)
    }

    private static let magic = Array("INFMAPPG".utf8)
    private static let version: UInt16 = 3

    package func visit<Failure: Error>(_ body: (UnsafeRawBufferPointer) throws(Failure) -> Void) throws(Failure) {
        var writer = ByteWriter()
        writer.write(bytes: Self.magic)
        writer.write(Self.version)
        writer.write(UInt8(appliesSoftmax ? 1 : 0))
        writer.write(UInt32(topK))
        writer.write(UInt32(classNames.count))
        for name in classNames { writer.write(name) }
        try GraphFile.visit(graph, &writer, body)
        precision.encodeTail(into: &writer)
        try writer.bytes.span.withUnsafeBytes { (bytes) throws(Failure) in try body(bytes) }
    }

    package init(from reader: inout ByteReader, allocator: StorageAllocator) throws(GraphError) {
        do throws(GraphError) {
            let appliesSoftmax: Bool
            let topK: Int
            var names: [String] = []
            let parts: GraphFile.Parts
            do throws(TensorError) {
                try reader.expectPart(Self.magic, version: Self.version)
                appliesSoftmax = try reader.readFlag("softmax")
                topK = Int(try reader.read(UInt32.self, "top-k"))
                let count = Int(try reader.read(UInt32.self, "classes"))
                guard count <= Self.maximumClasses else { throw TensorError(.malformed, "\(count) classes") }
                for _ in 0..<count {
                    names.append(try reader.readString(maximumBytes: Self.maximumClassNameBytes, "class name"))
                }
                parts = try GraphFile.Parts(from: &reader, allocator: allocator)
            } catch { throw GraphError(reading: error) }
            let graph = try parts.graph()
            let precision = try PrecisionTable(endOf: &reader, for: graph)
            try self.init(
                graph: graph, appliesSoftmax: appliesSoftmax, classNames: names, topK: topK, precision: precision)
        } catch { throw error.at("mapping part") }
    }
}

extension PrecisionTable {
    /// The precision table is left out where everything is float32, so that the encoding is unique.
    fileprivate func encodeTail(into writer: inout ByteWriter) {
        writer.write(UInt8(isFloat32 ? 0 : 1))
        if !isFloat32 { encode(into: &writer) }
    }

    /// Reads the rest of a part.
    fileprivate init(endOf reader: inout ByteReader, for graph: Graph) throws(GraphError) {
        do throws(TensorError) {
            if try reader.readFlag("precision table") {
                try self.init(from: &reader, for: graph)
                guard !isFloat32 else {
                    throw TensorError(.malformed, "a precision table without products that are not float32")
                }
            } else {
                self = .float32
            }
            try reader.finish()
        } catch { throw GraphError(reading: error) }
    }
}

extension ByteReader {
    @_lifetime(self: copy self)
    fileprivate mutating func expectPart(_ magic: [UInt8], version expected: UInt16) throws(TensorError) {
        guard try readBytes(magic.count, "magic") == magic else { throw TensorError(.malformed, "the magic is wrong") }
        let version: UInt16 = try read("version")
        guard version == expected else {
            throw TensorError(
                .unsupportedVersion,
                "version \(version), expected \(expected); make the bundle again with this version's "
                    + "`infenclave partition`")
        }
    }
}
