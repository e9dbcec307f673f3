// SPDX-License-Identifier: Apache-2.0
import Foundation
import Tensors
import Testing

@Suite(".npy files")
struct NumPyFileTests {
    /// Written by `numpy.lib.format.write_array` of NumPy 2.4.6.
    struct Sample: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let base64: String
        let element: ElementType
        let shape: [Int]
        let values: [Double]
        let version: UInt8
        var bytes: [UInt8] { [UInt8](Data(base64Encoded: base64) ?? Data()) }
    }

    static let samples = [
        Sample(
            testDescription: "f4 (3, 2)",
            base64: "k05VTVBZAQB2AHsnZGVzY3InOiAnPGY0JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDMsIDIp"
                + "LCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAMA/"
                + "AAAAwAAAAACmm0Q7AACAQAAAoEA=",
            element: .float32, shape: [3, 2], values: [1.5, -2, 0, Double(Float(3e-3)), 4, 5], version: 1),
        Sample(
            testDescription: "u1 (5,)",
            base64: "k05VTVBZAQB2AHsnZGVzY3InOiAnfHUxJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDUsKSwg"
                + "fSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAQID"
                + "BA==",
            element: .uint8, shape: [5], values: [0, 1, 2, 3, 4], version: 1),
        Sample(
            testDescription: "i1 ()",
            base64: "k05VTVBZAQB2AHsnZGVzY3InOiAnfGkxJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKCksIH0g"
                + "ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAr5",
            element: .int8, shape: [], values: [-7], version: 1),
        Sample(
            testDescription: "i4 (1, 1, 1), version 2",
            base64: "k05VTVBZAgB0AAAAeydkZXNjcic6ICc8aTQnLCAnZm9ydHJhbl9vcmRlcic6IEZhbHNlLCAnc2hhcGUnOiAoMSwg"
                + "MSwgMSksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAr/////",
            element: .int32, shape: [1, 1, 1], values: [-1], version: 2),
        Sample(
            testDescription: "i8 (2,), version 3",
            base64: "k05VTVBZAwB0AAAAeydkZXNjcic6ICc8aTgnLCAnZm9ydHJhbl9vcmRlcic6IEZhbHNlLCAnc2hhcGUnOiAoMiwp"
                + "LCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAA"
                + "AAEAAP//////////",
            element: .int64, shape: [2], values: [Double(1 << 40), -1], version: 3),
        Sample(
            testDescription: "b1 (2,)",
            base64: "k05VTVBZAQB2AHsnZGVzY3InOiAnfGIxJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsKSwg"
                + "fSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoBAA==",
            element: .boolean, shape: [2], values: [1, 0], version: 1),
        Sample(
            testDescription: "f4 (0, 3)",
            base64: "k05VTVBZAQB2AHsnZGVzY3InOiAnPGY0JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDAsIDMp"
                + "LCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAo=",
            element: .float32, shape: [0, 3], values: [], version: 1),
    ]

    private static func read(_ bytes: [UInt8]) throws(TensorError) -> Tensor { try Tensor(npy: bytes.span.bytes) }

    private static func values(_ tensor: Tensor) -> [Double] {
        switch tensor.element {
        case .float32: tensor.withElements(as: Float.self) { $0.map(Double.init) }
        case .uint8, .boolean: tensor.withElements(as: UInt8.self) { $0.map(Double.init) }
        case .int8: tensor.withElements(as: Int8.self) { $0.map(Double.init) }
        case .int32: tensor.withElements(as: Int32.self) { $0.map(Double.init) }
        case .int64: tensor.withElements(as: Int64.self) { $0.map(Double.init) }
        }
    }

    /// A file with this header and data, version 1.0.
    private static func file(_ header: String, _ data: [UInt8] = []) -> [UInt8] {
        [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(header.utf8.count % 256), UInt8(header.utf8.count / 256)]
            + Array(header.utf8) + data
    }

    @Test("Files written by NumPy are read", arguments: samples)
    func reads(_ sample: Sample) throws {
        let tensor = try Self.read(sample.bytes)
        #expect(tensor.element == sample.element)
        #expect(tensor.shape.dimensions == sample.shape)
        #expect(Self.values(tensor) == sample.values)
    }

    @Test("Written files are byte-identical to NumPy's", arguments: samples.filter { $0.version == 1 })
    func writes(_ sample: Sample) throws {
        #expect(try Self.read(sample.bytes).npyBytes() == sample.bytes)
    }

    @Test("Every truncated file, and a file with an additional byte, are refused", arguments: samples)
    func wrongLength(_ sample: Sample) {
        for count in 0..<sample.bytes.count {
            #expect(throws: TensorError.self) { try Self.read(Array(sample.bytes.prefix(count))) }
        }
        #expect(throws: TensorError.self) { try Self.read(sample.bytes + [0]) }
    }

    @Test("Header members may be in any order, with either quotation mark")
    func order() throws {
        let tensor = try Self.read(
            Self.file("{ \"shape\":(2 ,1), 'fortran_order' : False,'descr':'|u1'}\n", [7, 9]))
        #expect(tensor.shape.dimensions == [2, 1])
        #expect(try tensor.uint8s() == [7, 9])
    }

    @Test(
        "A header that does not describe one plain array of a known type is refused",
        arguments: [
            "", "{}", "{'descr': '|u1', 'fortran_order': False}",
            "{'descr': '|u1', 'fortran_order': True, 'shape': (1,)}",
            "{'descr': '>f4', 'fortran_order': False, 'shape': (1,)}",
            "{'descr': '<f8', 'fortran_order': False, 'shape': (1,)}",
            "{'descr': '<f2', 'fortran_order': False, 'shape': (1,)}",
            "{'descr': '|O', 'fortran_order': False, 'shape': (1,)}",
            "{'descr': [('a', '|u1')], 'fortran_order': False, 'shape': (1,)}",
            "{'descr': '|u1', 'fortran_order': False, 'shape': (1)}",
            "{'descr': '|u1', 'fortran_order': False, 'shape': (-1,)}",
            "{'descr': '|u1', 'fortran_order': False, 'shape': (1,,)}",
            "{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999999999,)}",
            "{'descr': '|u1', 'fortran_order': False, 'shape': (4294967296, 4294967296)}",
            "{'descr': '|u1', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1,1,1,1,1)}",
            "{'descr': '|u1', 'fortran_order': 0, 'shape': (1,)}",
            "{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': (1,)}",
            "{'descr': '|u1', 'fortran_order': False, 'shape': (1,), 'more': 'x'}",
            "{'descr': '|u1', 'fortran_order': False, 'shape': (1,)} x",
            "{'descr': '|u1', 'fortran_order': False, 'shape': (1,)",
            "{'descr': '|u1', 'fortran_order': False 'shape': (1,)}",
            "{'descr': '\\x7cu1', 'fortran_order': False, 'shape': (1,)}",
        ])
    func refusedHeaders(_ header: String) {
        let error = #expect(throws: TensorError.self) { try Self.read(Self.file(header, [0])) }
        #expect(error?.message.contains(".npy") == true || error?.code == .invalidShape)
    }

    @Test("Another magic number, version or excessive header is refused before memory is allocated")
    func refusedStarts() throws {
        let good = Self.samples[1].bytes
        for (index, value) in [(0, 0x92), (5, 0x5A), (6, 0), (6, 4), (7, 1)] as [(Int, UInt8)] {
            var bytes = good
            bytes[index] = value
            #expect(throws: TensorError.self) { try Self.read(bytes) }
        }
        let version2 = Array(good[..<6]) + [2, 0, 0xFF, 0xFF, 0xFF, 0xFF]
        let error = #expect(throws: TensorError.self) { try Self.read(version2) }
        #expect(error?.message.contains("limit") == true)
    }

    @Test("A boolean that is neither 0 nor 1 is refused")
    func boolean() {
        #expect(throws: TensorError.self) {
            try Self.read(Self.file("{'descr': '|b1', 'fortran_order': False, 'shape': (2,)}", [1, 2]))
        }
    }
}
