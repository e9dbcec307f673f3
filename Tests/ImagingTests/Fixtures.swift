// SPDX-License-Identifier: Apache-2.0
import Foundation
import Imaging
import Tensors
import Testing

/// What `make_vectors.py` wrote.
enum Fixtures {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")

    /// The pictures and models that are too large for the repository.
    static let shared: URL =
        ProcessInfo.processInfo.environment["INFENCLAVE_SHARED"].map { URL(filePath: $0) }
        ?? folder.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "shared")

    static let hasShared = FileManager.default.fileExists(atPath: shared.appending(path: "images/photos").path)

    struct Cases: Decodable {
        struct Decode: Decodable, CustomTestStringConvertible {
            let file: String
            let expected: String
            var testDescription: String { file }
        }

        struct Resize: Decodable, CustomTestStringConvertible {
            let source: String
            let width: Int
            let height: Int
            let interpolation: String
            let expected: String
            var testDescription: String { expected }
        }

        struct Preprocess: Decodable, CustomTestStringConvertible {
            let source: String
            let preprocessing: Preprocessing
            let pixels: String
            let tensor: String
            var testDescription: String { "\(source) \(preprocessing)" }
        }

        let decode: [Decode]
        /// Files that the Python and browser clients do not read.
        let decodeTIFF: [Decode]
        let resize: [Resize]
        let preprocess: [Preprocess]
    }

    static let cases: Cases = {
        do {
            return try JSONDecoder().decode(Cases.self, from: Data(contentsOf: folder.appending(path: "cases.json")))
        } catch { fatalError("Fixtures/cases.json: \(error)") }
    }()

    static func path(_ name: String) -> String { folder.appending(path: name).path }

    @inline(never)
    static func bytes(_ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: folder.appending(path: name)))
    }

    static func image(_ name: String) throws -> Image { try Image(contentsOf: path(name)) }

    static func tensor(_ name: String) throws -> Tensor {
        let file = try bytes(name)
        return try Tensor(npy: file.span.bytes)
    }
}

extension Image {
    init(decodingArray bytes: [UInt8]) throws(ImagingError) { try self.init(decoding: bytes.span.bytes) }

    /// `[1, height, width, channels]`, as the vectors have it.
    var dimensions: [Int] { [1, height, width, channels] }
}

/// The largest difference of a picture's pixels from those of a tensor of the same shape.
func largestDifference(_ image: Image, _ expected: Tensor) throws -> Int {
    largestDifference(image.pixels, try expected.uint8s())
}

/// The largest difference of two arrays of equal length.
func largestDifference(_ first: [UInt8], _ second: [UInt8]) -> Int {
    zip(first, second).reduce(0) { max($0, abs(Int($1.0) - Int($1.1))) }
}
