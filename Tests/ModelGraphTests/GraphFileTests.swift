// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors
import Testing

@Suite("Canonical graph files")
struct GraphFileTests {
    /// Every operator once, so that no coding goes untested.
    private static let operations: [Operation] = [
        .convolution(Convolution(window: Window(kernel: [3, 5], strides: [2, 1], pads: [1, 2, 3, 4]), groups: 7)),
        .batchNormalization(BatchNormalization(epsilon: 1e-3)), .activation(Activation(.clip, alpha: -1, beta: 6)),
        .arithmetic(Arithmetic(.divide)),
        .pooling(Pooling(.averageWithPadding, window: Window(kernel: [2, 2]), ceil: true)),
        .globalPooling(GlobalPooling(.maximum)), .gemm(Gemm(alpha: 2, beta: 3, transposeA: true)),
        .matMul(MatMul()), .concat(Concat(axis: -1)), .reshape(Reshape([0, -1])), .flatten(Flatten(axis: 2)),
        .squeeze(Squeeze(axes: [1])), .unsqueeze(Unsqueeze(axes: [-1, 0])), .transpose(Transpose([0, 2, 1])),
        .slice(Slice(starts: [-1], ends: [Int.min], axes: [2], steps: [-2])),
        .pad(Pad(.reflect, pads: [0, 1, 0, 1], value: 0.5)), .softmax(Softmax(axis: 1, flattensTail: true)),
        .localResponseNormalization(LocalResponseNormalization(size: 5, alpha: 1e-4, beta: 0.75, bias: 2)),
        .reduceMean(ReduceMean(axes: [2, 3], keepsDimensions: true)), .identity(Identity(isDropout: true)),
        .reduction(Reduction(.maximum, axes: [1], keepsDimensions: false)),
        .layerNormalization(LayerNormalization(axis: -1, epsilon: 1e-6)), .quantizeLinear(QuantizeLinear(axis: 1)),
        .dequantizeLinear(DequantizeLinear(axis: -2)), .activation(Activation(.geluTanh)),
        .arithmetic(Arithmetic(.power)), .arithmetic(Arithmetic(.equal)), .arithmetic(Arithmetic(.greater)),
        .arithmetic(Arithmetic(.greaterOrEqual)), .arithmetic(Arithmetic(.keep)),
    ]

    @Test("A graph survives writing and reading")
    func roundTrip() throws {
        let graph = try residualGraph()
        let bytes = GraphFile.encode(graph)
        let decoded = try GraphFile.decode(bytes.span.bytes)
        #expect(GraphFile.encode(decoded) == bytes)
        #expect(decoded.nodes.map(\.operation) == graph.nodes.map(\.operation))
        #expect(try decoded.constants["w2"]?.floats() == graph.constants["w2"]?.floats())
        #expect(decoded.types == graph.types)
    }

    @Test("The attributes of every operator survive", arguments: operations)
    func operators(operation: Operation) throws {
        var writer = ByteWriter()
        operation.encode(into: &writer)
        var reader = ByteReader(writer.bytes.span.bytes)
        #expect(try Operation(from: &reader) == operation)
        try reader.finish()
    }

    @Test("Every truncation is refused")
    func truncation() throws {
        let bytes = GraphFile.encode(try residualGraph())
        for count in 0..<bytes.count {
            let part = Array(bytes[..<count])
            #expect(throws: GraphError.self) { try GraphFile.decode(part.span.bytes) }
        }
        let longer = bytes + [0]
        #expect(throws: GraphError.self) { try GraphFile.decode(longer.span.bytes) }
    }

    @Test("A flipped byte gives an error or another graph that encodes to the same bytes, never a trap")
    func flips() throws {
        let bytes = GraphFile.encode(try residualGraph())
        var refused = 0
        for index in bytes.indices {
            var flipped = bytes
            flipped[index] ^= 0xFF
            do throws(GraphError) {
                let graph = try GraphFile.decode(flipped.span.bytes)
                #expect(GraphFile.encode(graph) == flipped)
            } catch { refused += 1 }
        }
        #expect(refused > 0)
    }

    /// What is refused, with `new` in place of `old`, of the same length, where it is first or last in the file.
    private static func refusal(of bytes: [UInt8], replacing old: String, by new: String) -> GraphError? {
        let (old, new) = (Array(old.utf8), Array(new.utf8))
        let last = (0...bytes.count - old.count).last { bytes[$0..<$0 + old.count].elementsEqual(old) }
        guard let last, old.count == new.count else { return nil }
        var altered = bytes
        altered.replaceSubrange(last..<last + old.count, with: new)
        return refusal(of: altered)
    }

    private static func refusal(of bytes: [UInt8]) -> GraphError? {
        do throws(GraphError) {
            _ = try GraphFile.decode(bytes.span.bytes)
            return nil
        } catch { return error }
    }

    @Test("The error for a refused file names the reason: version, undefined operand, operand types or format")
    func codes() throws {
        let bytes = GraphFile.encode(try residualGraph())
        var newer = bytes
        newer[8] = UInt8(GraphFile.version) + 1
        #expect(Self.refusal(of: newer)?.code == .unsupportedVersion)
        #expect(Self.refusal(of: newer)?.message.contains("make the bundle again") == true)
        #expect(Self.refusal(of: Array(bytes.dropLast()))?.code == .malformedFile)
        // The last "logits" in the file is the operand of the softmax.
        let undefined = Self.refusal(of: bytes, replacing: "logits", by: "nobody")
        #expect(undefined?.code == .invalidGraph)
        #expect(undefined?.message.contains("canonical graph: node 'softmax'") == true, "\(undefined?.message ?? "")")
        // The last "w3" is the second operand of the matrix product.
        let mistyped = Self.refusal(of: bytes, replacing: "w3", by: "w1")
        #expect(mistyped?.code == .invalidOperands, "\(mistyped?.message ?? "")")
        #expect(mistyped?.message.contains("node 'fc'") == true)
    }

    @Test("A part or table of another version, and a part with an invalid graph, have their own error codes")
    func partCodes() throws {
        let graph = try residualGraph()
        let partition = try graph.partitioned(
            front: try graph.cut(named: "relu1"), mapping: try graph.cut(named: "fc"))
        let front = try FrontNetPart(
            graph: partition.front, normalization: try PixelNormalization(mean: [1, 2, 3], std: [4, 5, 6]),
            boundaryCount: 1, acceptsFloats: false
        ).encoded()
        func code(_ bytes: [UInt8]) -> GraphError.Code? {
            do throws(GraphError) {
                _ = try FrontNetPart(decoding: bytes.span.bytes, allocator: .standard)
                return nil
            } catch { return error.code }
        }
        var newer = front
        newer[8] ^= 0x10
        #expect(code(newer) == .unsupportedVersion)
        var absurd = front
        // The first dimension of the image: behind magic, version, normalisation, flags and the graph's header.
        let place = try #require(
            (0..<front.count - 5).first { front[$0..<$0 + 5].elementsEqual(Array("image".utf8)) })
        absurd[place + 5 + 2] = 2
        #expect(code(absurd) == .invalidGraph)
        var table = PrecisionFile.encode(.float32)
        table[8] ^= 0x10
        #expect {
            try PrecisionFile.decode(table.span.bytes, for: graph)
        } throws: { ($0 as? GraphError)?.code == .unsupportedVersion }
    }

    @Test("The parts of a bundle survive, and the magic number of another part is refused")
    func parts() throws {
        let graph = try residualGraph()
        let cut = try graph.cut(named: "relu1")
        let partition = try graph.partitioned(front: cut, mapping: try graph.cut(named: "fc"))
        let normalization = try PixelNormalization(mean: [1, 2, 3], std: [4, 5, 6])
        let front = try FrontNetPart(
            graph: partition.front, normalization: normalization, boundaryCount: 1, acceptsFloats: false)
        let mapping = try MappingUnitPart(
            graph: partition.mapping, appliesSoftmax: false, classNames: ["a", "b", "ç", "d", ""], topK: 3)
        let (frontBytes, mappingBytes) = (front.encoded(), mapping.encoded())
        let readFront = try FrontNetPart(decoding: frontBytes.span.bytes, allocator: .standard)
        let readMapping = try MappingUnitPart(decoding: mappingBytes.span.bytes, allocator: .standard)
        #expect(readFront.normalization == normalization && readFront.boundaryCount == 1 && !readFront.acceptsFloats)
        #expect(readMapping.classNames == mapping.classNames && readMapping.topK == 3)
        #expect(throws: GraphError.self) { try FrontNetPart(decoding: mappingBytes.span.bytes, allocator: .standard) }
        #expect(throws: GraphError.self) { try MappingUnitPart(decoding: frontBytes.span.bytes, allocator: .standard) }
    }

    @Test("The noise's standard deviation survives with and without a precision table, and needs a boundary")
    func noise() throws {
        let graph = try residualGraph()
        let cut = try graph.cut(named: "relu1")
        let partition = try graph.partitioned(front: cut, mapping: try graph.cut(named: "fc"))
        let normalization = try PixelNormalization(mean: [1, 2, 3], std: [4, 5, 6])
        let table = PrecisionTable(
            products: Dictionary(
                uniqueKeysWithValues: graph.nodes.map { ($0.name, .init(.bfloat16, roundsResult: true)) }), ranges: [:])
        func part(_ precision: PrecisionTable, crossing: Int = 1) throws(GraphError) -> FrontNetPart {
            try FrontNetPart(
                graph: partition.front, normalization: normalization, boundaryCount: crossing, acceptsFloats: true,
                precision: precision, sigma: NoiseDeviation(0.375))
        }
        for precision in [PrecisionTable.float32, table] {
            let bytes = try part(precision).encoded()
            let read = try FrontNetPart(decoding: bytes.span.bytes, allocator: .standard)
            #expect(read.sigma?.value == 0.375 && read.precision == precision.restricted(to: partition.front))
            #expect(read.encoded() == bytes)
            // Sigma follows the graph; zero, NaN and excessive values are invalid.
            let tail = precision.isFloat32 ? 1 : 1 + bytes.count - (try part(.float32).encoded().count)
            let offset = bytes.count - tail - 8
            for bad in [0, -1, Double.nan, .infinity, 1e9] {
                var damaged = bytes
                withUnsafeBytes(of: bad.bitPattern.littleEndian) {
                    damaged.replaceSubrange(offset..<offset + 8, with: $0)
                }
                #expect(throws: GraphError.self) {
                    try FrontNetPart(decoding: damaged.span.bytes, allocator: .standard)
                }
            }
        }
        #expect(throws: GraphError.self) { try part(.float32, crossing: 0) }
    }

    @Test("A precision table survives in the parts that it covers, and a damaged one is refused")
    func precision() throws {
        let graph = try residualGraph()
        let cut = try graph.cut(named: "relu1")
        let partition = try graph.partitioned(front: cut, mapping: try graph.cut(named: "fc"))
        let table = PrecisionTable(
            products: Dictionary(
                uniqueKeysWithValues: graph.nodes.map { ($0.name, .init(.integer8, roundsResult: true)) }),
            ranges: [graph.inputs[0].name: .init(low: -1, high: 2)])
        let front = try FrontNetPart(
            graph: partition.front, normalization: try PixelNormalization(mean: [1, 2, 3], std: [4, 5, 6]),
            boundaryCount: 1, acceptsFloats: false, precision: table)
        let bytes = front.encoded()
        let read = try FrontNetPart(decoding: bytes.span.bytes, allocator: .standard)
        #expect(read.precision == table.restricted(to: partition.front))
        #expect(Set(read.precision.products.keys) == Set(partition.front.nodes.map(\.name)))
        let shorter = Array(bytes.dropLast())
        #expect(throws: GraphError.self) { try FrontNetPart(decoding: shorter.span.bytes, allocator: .standard) }
        let file = PrecisionFile.encode(front.precision)
        #expect(try PrecisionFile.decode(file.span.bytes, for: partition.front) == front.precision)
        // Of another graph.
        #expect(throws: GraphError.self) { try PrecisionFile.decode(file.span.bytes, for: partition.mapping) }
    }

    @Test("A list of class names of the wrong length is refused")
    func labels() throws {
        let graph = try residualGraph()
        let partition = try graph.partitioned(
            front: try graph.cut(named: "relu1"), mapping: try graph.cut(named: "fc"))
        #expect(throws: GraphError.self) {
            try MappingUnitPart(graph: partition.mapping, appliesSoftmax: false, classNames: ["a"], topK: 1)
        }
    }
}
