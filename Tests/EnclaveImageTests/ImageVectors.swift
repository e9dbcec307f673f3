// SPDX-License-Identifier: Apache-2.0
import EnclaveImage
import Evidence
import Foundation
import TestSupport

/// The shared vectors of images: inputs of launches, with digests that hardware or other programs computed.
enum ImageVectors {
    static let folder = "vectors/images"
    static var arePresent: Bool { SharedFiles.exists(folder + "/snp-real.json") }

    static func bytes(_ name: String) throws -> [UInt8] { Array(try SharedFiles.bytes("\(folder)/\(name)")) }

    static var decoder: JSONDecoder {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return decoder
    }

    static func json<Value: Decodable>(_ name: String, _: Value.Type = Value.self) throws -> Value {
        try decoder.decode(Value.self, from: SharedFiles.bytes("\(folder)/\(name)"))
    }
}

/// Changes that are the same in every run.
struct Mutations {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next(below bound: Int) -> Int {
        // Steele, Lea and Flood's SplitMix64.
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return Int((value ^ value >> 31) % UInt64(bound))
    }

    /// One to four changes of bytes, a cut, or bytes put in or taken out, within a range.
    mutating func change(_ bytes: [UInt8], in range: Range<Int>) -> [UInt8] {
        var bytes = bytes
        let place = range.lowerBound + next(below: range.count)
        switch next(below: 8) {
        case 0: bytes.removeSubrange(place..<min(range.upperBound, place + 1 + next(below: 16)))
        case 1: bytes.insert(contentsOf: (0..<(1 + next(below: 16))).map { _ in UInt8(next(below: 256)) }, at: place)
        case 2: bytes.removeLast(1 + next(below: min(bytes.count - 1, 600)))
        default:
            for _ in 0..<(1 + next(below: 4)) {
                bytes[range.lowerBound + next(below: range.count)] ^= UInt8(1 + next(below: 255))
            }
        }
        return bytes
    }
}
