// SPDX-License-Identifier: Apache-2.0
import Tensors

/// The precision of each product of a graph (convolutions, and matrix products with constant weights). A table for a
/// whole network is also valid for its parts: it refers to names of nodes and values, not to positions.
package struct PrecisionTable: Sendable, Hashable {
    /// The raw values are those of the file format.
    package enum Level: UInt8, Sendable, Hashable, Comparable, CaseIterable {
        case float32 = 0
        case bfloat16 = 1
        /// 8-bit integers, where the ranges of operands and results are known.
        case integer8 = 2

        package static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }

        /// `f32`, `bf16` or `int8`.
        package var label: String {
            switch self {
            case .float32: "f32"
            case .bfloat16: "bf16"
            case .integer8: "int8"
            }
        }

        package init?(label: some StringProtocol) {
            guard let level = Self.allCases.first(where: { $0.label == label }) else { return nil }
            self = level
        }
    }

    package struct Product: Sendable, Hashable {
        /// A level below float32 in precision.
        package let level: Level
        /// Whether the result may be stored rounded, as bfloat16 or integers. Values that feed only the outputs are not
        /// rounded.
        package let roundsResult: Bool

        package init(_ level: Level, roundsResult: Bool) {
            self.level = level
            self.roundsResult = roundsResult
        }
    }

    /// The range of a value's elements without outliers; finite, `low` at most `high`.
    package struct Range: Sendable, Hashable {
        package let low, high: Float

        package init(low: Float, high: Float) {
            self.low = low
            self.high = high
        }
    }

    /// By node name. Products that are not listed use float32.
    package private(set) var products: [String: Product]
    /// By value name; empty if no product uses integers.
    package private(set) var ranges: [String: Range]

    package init(products: [String: Product] = [:], ranges: [String: Range] = [:]) {
        self.products = products.filter { $0.value.level > .float32 }
        self.ranges = self.products.values.contains { $0.level == .integer8 } ? ranges : [:]
    }

    /// Everything in float32.
    package static let float32 = PrecisionTable()

    package var isFloat32: Bool { products.isEmpty }

    /// The lowest precision in the table.
    package var level: Level { products.values.map(\.level).max() ?? .float32 }

    /// The entries of the table for a part of the network that it was made for.
    package func restricted(to graph: Graph) -> PrecisionTable {
        let names = Set(graph.nodes.map(\.name))
        return PrecisionTable(
            products: products.filter { names.contains($0.key) }, ranges: ranges.filter { graph.types[$0.key] != nil })
    }
}

/// The canonical encoding: u32 products (name, u8 level, u8 rounds its result), u32 ranges (name, f32 low, f32 high), each
/// in ascending order of the names' UTF-8.
extension PrecisionTable {
    func encode(into writer: inout ByteWriter) {
        writer.write(UInt32(products.count))
        for (name, product) in products.sorted(by: { GraphFile.canonicallyPrecedes($0.key, $1.key) }) {
            writer.write(name)
            writer.write(product.level.rawValue)
            writer.write(UInt8(product.roundsResult ? 1 : 0))
        }
        writer.write(UInt32(ranges.count))
        for (name, range) in ranges.sorted(by: { GraphFile.canonicallyPrecedes($0.key, $1.key) }) {
            writer.write(name)
            writer.write(range.low)
            writer.write(range.high)
        }
    }

    /// - Throws: ``TensorError`` for anything but the encoding of a table of this graph.
    init(from reader: inout ByteReader, for graph: Graph) throws(TensorError) {
        let nodes = Set(graph.nodes.map(\.name))
        var products: [String: Product] = [:]
        var previous: String?
        for _ in 0..<(try reader.read(UInt32.self, "products")) {
            let name = try reader.readString(maximumBytes: Graph.maximumNameBytes, "product")
            guard previous.map({ GraphFile.canonicallyPrecedes($0, name) }) ?? true, nodes.contains(name) else {
                throw TensorError(.malformed, "product '\(name)' is out of order or no node")
            }
            previous = name
            let code: UInt8 = try reader.read("level")
            guard let level = Level(rawValue: code), level > .float32 else {
                throw TensorError(.malformed, "product '\(name)' has the unknown level \(code)")
            }
            products[name] = Product(level, roundsResult: try reader.readFlag("rounding"))
        }
        var ranges: [String: Range] = [:]
        previous = nil
        for _ in 0..<(try reader.read(UInt32.self, "ranges")) {
            let name = try reader.readString(maximumBytes: Graph.maximumNameBytes, "range")
            guard previous.map({ GraphFile.canonicallyPrecedes($0, name) }) ?? true, graph.types[name] != nil else {
                throw TensorError(.malformed, "the range of '\(name)' is out of order or of no value")
            }
            previous = name
            let range = Range(low: try reader.readFloat("range"), high: try reader.readFloat("range"))
            guard range.low.isFinite, range.high.isFinite, range.low <= range.high else {
                throw TensorError(.malformed, "the range of '\(name)' is invalid")
            }
            ranges[name] = range
        }
        self.init(products: products, ranges: ranges)
        guard self.ranges.count == ranges.count else {
            throw TensorError(.malformed, "there are ranges, and nothing computes with integers")
        }
    }
}

/// `backnet.precision`: magic `INFPRECN`, u16 version, the table of the BackNet.
package enum PrecisionFile {
    package static let version: UInt16 = 1
    private static let magic = Array("INFPRECN".utf8)

    package static func encode(_ table: PrecisionTable) -> [UInt8] {
        var writer = ByteWriter()
        writer.write(bytes: magic)
        writer.write(version)
        table.encode(into: &writer)
        return writer.bytes
    }

    /// - Throws: ``GraphError`` `malformedFile`, `unsupportedVersion` for anything but the encoding of a table of this
    ///   graph.
    package static func decode(_ bytes: RawSpan, for graph: Graph) throws(GraphError) -> PrecisionTable {
        var reader = ByteReader(bytes)
        do throws(TensorError) {
            guard try reader.readBytes(magic.count, "magic") == magic else {
                throw TensorError(.malformed, "it does not begin with INFPRECN")
            }
            let found: UInt16 = try reader.read("version")
            guard found == version else {
                throw TensorError(
                    .unsupportedVersion, "version \(found) is unknown, this build reads \(version)")
            }
            let table = try PrecisionTable(from: &reader, for: graph)
            try reader.finish()
            return table
        } catch { throw GraphError(reading: error).at("precision file") }
    }
}
