// SPDX-License-Identifier: Apache-2.0
package import Tensors

/// The canonical file of a graph: a graph has one encoding, and only that encoding is accepted.
///
/// Layout (little-endian): magic `INFGRAPH`, u16 version, name; u32 inputs (name, type); u32 constants in ascending
/// order of their UTF-8 names (name, type, elements); u32 nodes (name, operator, u16 inputs, u16 outputs); u32 outputs.
/// A name is a u32 length and UTF-8; a type is u8 element, u8 rank, i64 dimensions. A constant's elements are stored as
/// ``ConstantStorage`` says.
package enum GraphFile {
    package static let version: UInt16 = 2
    private static let magic = Array("INFGRAPH".utf8)

    package static func encode(_ graph: Graph) -> [UInt8] {
        var writer = ByteWriter()
        encode(graph, into: &writer)
        return writer.bytes
    }

    /// Passes the encoding to `body` in chunks, so that large constants are not copied.
    package static func visit<Failure: Error>(
        _ graph: Graph, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        var writer = ByteWriter()
        try visit(graph, &writer, body)
        try writer.bytes.span.withUnsafeBytes { (bytes) throws(Failure) in try body(bytes) }
    }

    /// Passes the content of `writer` and the encoding of the graph to `body`; the bytes after the last constant stay
    /// in `writer`.
    static func visit<Failure: Error>(
        _ graph: Graph, _ writer: inout ByteWriter, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        try encode(graph, into: &writer) { (tensor, storage, writer) throws(Failure) in
            try writer.bytes.span.withUnsafeBytes { (bytes) throws(Failure) in try body(bytes) }
            writer = ByteWriter()
            try storage.visit(tensor, body)
        }
    }

    static func encode(_ graph: Graph, into writer: inout ByteWriter) {
        encode(graph, into: &writer) { tensor, storage, writer in storage.visit(tensor) { writer.write(bytes: $0) } }
    }

    private static func encode<Failure: Error>(
        _ graph: Graph, into writer: inout ByteWriter,
        elements: (Tensor, ConstantStorage, inout ByteWriter) throws(Failure) -> Void
    ) throws(Failure) {
        writer.write(bytes: magic)
        writer.write(version)
        writer.write(graph.name)
        writer.write(UInt32(graph.inputs.count))
        for input in graph.inputs {
            writer.write(input.name)
            input.type.encode(into: &writer)
        }
        writer.write(UInt32(graph.constants.count))
        for (name, tensor) in graph.constants.sorted(by: { canonicallyPrecedes($0.key, $1.key) }) {
            let storage = ConstantStorage(of: tensor)
            writer.write(name)
            tensor.type.encode(into: &writer, code: storage.code(of: tensor.element))
            try elements(tensor, storage, &writer)
        }
        writer.write(UInt32(graph.nodes.count))
        for node in graph.nodes {
            writer.write(node.name)
            node.operation.encode(into: &writer)
            for list in [node.inputs, node.outputs] {
                writer.write(UInt16(list.count))
                for name in list { writer.write(name) }
            }
        }
        writer.write(UInt32(graph.outputs.count))
        for output in graph.outputs { writer.write(output) }
    }

    /// - Parameter allocator: Allocates the memory of the constants.
    /// - Throws: ``GraphError`` for anything but the canonical encoding of a valid graph: `malformedFile`,
    ///   `unsupportedVersion`, and what ``Graph`` refuses.
    package static func decode(
        _ bytes: RawSpan, allocator: StorageAllocator = .standard
    ) throws(GraphError) -> Graph {
        var reader = ByteReader(bytes)
        do throws(GraphError) {
            let parts: Parts
            do throws(TensorError) {
                parts = try Parts(from: &reader, allocator: allocator)
                try reader.finish()
            } catch { throw GraphError(reading: error) }
            return try parts.graph()
        } catch { throw error.at("canonical graph") }
    }

    static func canonicallyPrecedes(_ a: String, _ b: String) -> Bool { a.utf8.lexicographicallyPrecedes(b.utf8) }

    /// The content of a file before it is validated as a graph.
    struct Parts {
        var name: String
        var inputs: [Value] = []
        var constants: [String: Tensor] = [:]
        var nodes: [Node] = []
        var outputs: [String] = []

        init(from reader: inout ByteReader, allocator: StorageAllocator) throws(TensorError) {
            guard try reader.readBytes(magic.count, "magic") == magic else {
                throw TensorError(.malformed, "it does not begin with INFGRAPH")
            }
            let version: UInt16 = try reader.read("version")
            guard version == GraphFile.version else {
                throw TensorError(
                    .unsupportedVersion,
                    "version \(version) is unknown, this build reads \(GraphFile.version); make the bundle again with "
                        + "this version's `infenclave partition`")
            }
            name = try reader.readString(maximumBytes: Graph.maximumNameBytes, "graph name")
            for _ in 0..<(try reader.read(UInt32.self, "inputs")) {
                let name = try reader.readString(maximumBytes: Graph.maximumNameBytes, "input name")
                inputs.append(Value(name: name, type: try TensorType(from: &reader, extents: Int64.self)))
            }
            var previous: String?
            for _ in 0..<(try reader.read(UInt32.self, "constants")) {
                let name = try reader.readString(maximumBytes: Graph.maximumNameBytes, "constant name")
                if let previous, !canonicallyPrecedes(previous, name) {
                    throw TensorError(.malformed, "constant '\(name)' is out of order")
                }
                previous = name
                let (storage, element) = try ConstantStorage.decoded(try reader.read("element type"))
                let type = TensorType(element, try Shape(from: &reader, extents: Int64.self))
                constants[name] = try storage.constant(type, from: &reader, allocator)
            }
            let nodeCount = try reader.read(UInt32.self, "nodes")
            for _ in 0..<nodeCount {
                let name = try reader.readString(maximumBytes: Graph.maximumNameBytes, "node name")
                let operation = try Operation(from: &reader)
                let inputs = try Self.readNames(&reader)
                nodes.append(
                    Node(name: name, operation: operation, inputs: inputs, outputs: try Self.readNames(&reader)))
            }
            for _ in 0..<(try reader.read(UInt32.self, "outputs")) {
                outputs.append(try reader.readString(maximumBytes: Graph.maximumNameBytes, "output name"))
            }
        }

        private static func readNames(_ reader: inout ByteReader) throws(TensorError) -> [String] {
            var names: [String] = []
            for _ in 0..<(try reader.read(UInt16.self, "names")) {
                names.append(try reader.readString(maximumBytes: Graph.maximumNameBytes, "value name"))
            }
            return names
        }

        func graph() throws(GraphError) -> Graph {
            let graph = try Graph(name: name, inputs: inputs, outputs: outputs, nodes: nodes, constants: constants)
            guard graph.constants.count == constants.count else {
                throw GraphError(.malformedFile, "a constant is used by nothing")
            }
            return graph
        }
    }
}

extension TensorType {
    /// - Parameter code: The code of the elements' type; by default the element type's own.
    func encode(into writer: inout ByteWriter, code: UInt8? = nil) {
        writer.write(code ?? element.rawValue)
        writer.write(UInt8(shape.rank))
        for dimension in shape.dimensions { writer.write(Int64(dimension)) }
    }
}
