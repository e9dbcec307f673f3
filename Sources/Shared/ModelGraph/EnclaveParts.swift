package import Tensors

/// What `frontnet.sealed` holds: the FrontNet and how pixels become its input.
///
/// Layout: magic `INFFRONT`, u16 version, u8 channels, f32 mean and f32 standard deviation per channel, u32 number of
/// boundary tensors (the first that many outputs of the graph go to the host), canonical graph; in version 2 the
/// precision table, which is not empty, follows; in version 3 the f64 deviation of the boundary's noise, u8 1 and the
/// table or u8 0.
package struct FrontNetPart: Sendable {
    package let graph: Graph
    /// Applied to u8 inputs; f32 inputs are taken as they are.
    package let normalization: PixelNormalization
    /// How many of the graph's outputs, from the first, the enclave sends to the host; the rest stay inside.
    package let boundaryCount: Int
    /// What the graph computes with.
    package let precision: PrecisionTable
    /// Of the noise on the boundary tensors; `nil` for none.
    package let sigma: NoiseDeviation?

    package init(
        graph: Graph, normalization: PixelNormalization, boundaryCount: Int, precision: PrecisionTable = .float32,
        sigma: NoiseDeviation? = nil
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
    }

    private static let magic = Array("INFFRONT".utf8)
    private static let noisyVersion: UInt16 = 3

    package func encoded() -> [UInt8] {
        var writer = ByteWriter()
        writer.write(bytes: Self.magic)
        writer.write(sigma == nil ? precision.partVersion : Self.noisyVersion)
        writer.write(UInt8(normalization.mean.count))
        for value in normalization.mean + normalization.std { writer.write(value) }
        writer.write(UInt32(boundaryCount))
        GraphFile.encode(graph, into: &writer)
        if let sigma {
            writer.write(sigma.value.bitPattern)
            writer.write(UInt8(precision.isFloat32 ? 0 : 1))
        }
        precision.encodeTail(into: &writer)
        return writer.bytes
    }

    package init(decoding bytes: RawSpan, allocator: StorageAllocator) throws(GraphError) {
        var reader = ByteReader(bytes)
        do throws(TensorError) {
            let version = try reader.expectPart(Self.magic, versions: 1...Self.noisyVersion)
            let channels = Int(try reader.read(UInt8.self, "channels"))
            var values: [Float] = []
            for _ in 0..<2 * channels { values.append(try reader.readFloat("normalisation")) }
            let normalization = try PixelNormalization(
                mean: Array(values.prefix(channels)), std: Array(values.suffix(channels)))
            let boundaryCount = Int(try reader.read(UInt32.self, "boundary tensors"))
            let graph = try GraphFile.Parts(from: &reader, allocator: allocator).graph()
            var sigma: NoiseDeviation?
            var tail = version
            if version == Self.noisyVersion {
                sigma = NoiseDeviation(Double(bitPattern: try reader.read("sigma")))
                guard sigma != nil else { throw TensorError(.malformed, "sigma is no deviation") }
                tail = try reader.readFlag("precision table") ? 2 : 1
            }
            let precision = try PrecisionTable(tailOf: tail, from: &reader, for: graph)
            try reader.finish()
            do throws(GraphError) {
                try self.init(
                    graph: graph, normalization: normalization, boundaryCount: boundaryCount, precision: precision,
                    sigma: sigma)
            } catch { throw TensorError(.malformed, error.message) }
        } catch { throw GraphError(.malformedFile, "FrontNet part: \(error.message)") }
    }
}

/// What `mapping.sealed` holds: the last layers, the class names, and how many of them an answer lists.
///
/// Layout: magic `INFMAPPG`, u16 version, u8 applies softmax, u32 top-k, u32 classes, names, canonical graph;
/// in version 2 the precision table, which is not empty, follows.
package struct MappingUnitPart: Sendable {
    package let graph: Graph
    /// Whether the graph ends in logits, so that probabilities are their softmax.
    package let appliesSoftmax: Bool
    /// One name per class, in the order of the model's output.
    package let classNames: [String]
    /// Entries in an answer, best first.
    package let topK: Int
    /// What the graph computes with.
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
    package func encoded() -> [UInt8] {
        var writer = ByteWriter()
        writer.write(bytes: Self.magic)
        writer.write(precision.partVersion)
        writer.write(UInt8(appliesSoftmax ? 1 : 0))
        writer.write(UInt32(topK))
        writer.write(UInt32(classNames.count))
        for name in classNames { writer.write(name) }
        GraphFile.encode(graph, into: &writer)
        precision.encodeTail(into: &writer)
        return writer.bytes
    }

    package init(decoding bytes: RawSpan, allocator: StorageAllocator) throws(GraphError) {
        var reader = ByteReader(bytes)
        do throws(TensorError) {
            let version = try reader.expectPart(Self.magic, versions: 1...2)
            let appliesSoftmax = try reader.readFlag("softmax")
            let topK = Int(try reader.read(UInt32.self, "top-k"))
            let count = Int(try reader.read(UInt32.self, "classes"))
            guard count <= Self.maximumClasses else { throw TensorError(.malformed, "\(count) classes") }
            var names: [String] = []
            for _ in 0..<count {
                names.append(try reader.readString(maximumBytes: Self.maximumClassNameBytes, "class name"))
            }
            let graph = try GraphFile.Parts(from: &reader, allocator: allocator).graph()
            let precision = try PrecisionTable(tailOf: version, from: &reader, for: graph)
            try reader.finish()
            do throws(GraphError) {
                try self.init(
                    graph: graph, appliesSoftmax: appliesSoftmax, classNames: names, topK: topK, precision: precision)
            } catch { throw TensorError(.malformed, error.message) }
        } catch { throw GraphError(.malformedFile, "mapping part: \(error.message)") }
    }
}

extension PrecisionTable {
    /// One part has one encoding: without a table where everything is float32.
    fileprivate var partVersion: UInt16 { isFloat32 ? 1 : 2 }

    fileprivate func encodeTail(into writer: inout ByteWriter) { if !isFloat32 { encode(into: &writer) } }

    fileprivate init(
        tailOf version: UInt16, from reader: inout ByteReader, for graph: Graph
    ) throws(TensorError) {
        guard version > 1 else {
            self = .float32
            return
        }
        try self.init(from: &reader, for: graph)
        guard !isFloat32 else { throw TensorError(.malformed, "version 2 without products that are not float32") }
    }
}

extension ByteReader {
    /// - Returns: The version.
    @_lifetime(self: copy self)
    fileprivate mutating func expectPart(
        _ magic: [UInt8], versions: ClosedRange<UInt16>
    ) throws(TensorError) -> UInt16 {
        guard try readBytes(magic.count, "magic") == magic else { throw TensorError(.malformed, "the magic is wrong") }
        let version: UInt16 = try read("version")
        guard versions.contains(version) else {
            throw TensorError(
                .malformed,
                "version \(version) is unknown, this build reads \(versions.lowerBound) to \(versions.upperBound)")
        }
        return version
    }
}
