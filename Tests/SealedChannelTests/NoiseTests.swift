// SPDX-License-Identifier: Apache-2.0
import Foundation
import SealedChannel
import SecretMemory
import Tensors
import Testing

/// What `noise_reference.py` made.
private struct NoiseVectors: Decodable {
    struct Case: Decodable {
        let modelKey, manifestDigest, input, seed: String
        let index, count: Int
        let at: [Int]
        let normals: [Double]
        let sum, squares: Double
    }
    let block: String
    let cases: [Case]

    static func read() throws -> NoiseVectors {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "noise.json")
        return try JSONDecoder().decode(NoiseVectors.self, from: try Data(contentsOf: file))
    }
}

/// What is added to `values`.
private func noise(
    _ key: NoiseKey, input: [UInt8], tensor: Int = 0, sigma: Double = 1, values: [Float]
) -> [Float] {
    var values = values
    let normals = key.normals(input: input.span.bytes, tensor: tensor)
    values.withUnsafeMutableBufferPointer { normals.add(NoiseDeviation(sigma)!, to: $0) }
    return values
}

private func noise(_ key: NoiseKey, input: [UInt8], tensor: Int = 0, sigma: Double = 1, count: Int) -> [Float] {
    noise(key, input: input, tensor: tensor, sigma: sigma, values: [Float](repeating: 0, count: count))
}

@Suite("Noise on the boundary tensor")
struct NoiseTests {
    private let digest = ContentDigest(of: Array("{}".utf8))
    private let key: NoiseKey

    init() { key = NoiseKey(parsedModelKey(String(repeating: "07", count: 32))!, manifestDigest: digest) }

    @Test("The key stream equals that of RFC 8439, section 2.3.2, and continues with the next counter")
    func keyStream() throws {
        let secret = [UInt8](0..<32)
        func stream(_ counter: UInt32, blocks: Int) -> [UInt8] {
            var result = [UInt8](repeating: 0, count: 64 * blocks)
            result.withUnsafeMutableBytes {
                ChaCha20.keyStream(
                    secret.span.bytes, nonce: SIMD3(0x0900_0000, 0x4a00_0000, 0), counter: counter, into: $0)
            }
            return result
        }
        #expect(stream(1, blocks: 1) == hex(try NoiseVectors.read().block))
        #expect(stream(1, blocks: 3) == stream(1, blocks: 1) + stream(2, blocks: 1) + stream(3, blocks: 1))
    }

    @Test("The noise equals that of Python's standard library for the same keys", arguments: 0..<5)
    func knownAnswer(_ index: Int) throws {
        let vector = try NoiseVectors.read().cases[index]
        let key = NoiseKey(
            parsedModelKey(vector.modelKey)!, manifestDigest: ContentDigest(hexadecimal: vector.manifestDigest)!)
        // 2^-20 times a normal number is one whose rounding to float32 is relative.
        let made = noise(key, input: hex(vector.input), tensor: vector.index, sigma: 2, count: vector.count)
        for (place, expected) in zip(vector.at, vector.normals) {
            // Half a unit in the last place of float32.
            #expect(abs(Double(made[place]) / 2 - expected) <= abs(expected) * 0x1p-24 + 1e-15, "at \(place)")
        }
        let sum = made.reduce(0) { $0 + Double($1) / 2 }
        let squares = made.reduce(0) { $0 + Double($1) * Double($1) / 4 }
        #expect(abs(sum - vector.sum) < 1e-6 * Double(vector.count))
        #expect(abs(squares - vector.squares) < 1e-6 * Double(vector.count))
    }

    @Test(
        "The same keys and tensor give the same noise; another input, tensor, model key or manifest gives other noise"
    )
    func derivation() throws {
        let input: [UInt8] = [1, 2, 3]
        let first = noise(key, input: input, count: 64)
        #expect(noise(key, input: input, count: 64) == first)
        #expect(noise(key, input: input, count: 31) == Array(first.prefix(31)))
        let otherKey = NoiseKey(parsedModelKey(String(repeating: "08", count: 32))!, manifestDigest: digest)
        let otherManifest = NoiseKey(
            parsedModelKey(String(repeating: "07", count: 32))!, manifestDigest: ContentDigest(of: Array("[]".utf8)))
        let others = [
            noise(key, input: [1, 2, 2], count: 64), noise(key, input: input, tensor: 1, count: 64),
            noise(otherKey, input: input, count: 64), noise(otherManifest, input: input, count: 64),
        ]
        for other in others { #expect(zip(other, first).allSatisfy { $0 != $1 }) }
    }

    @Test("The noise is normal: mean, variance and Kolmogorov distance of 200,000 draws are within 4 standard errors")
    func distribution() {
        let count = 200_000
        let draws = noise(key, input: [9], sigma: 3, count: count).map { Double($0) / 3 }
        let mean = draws.reduce(0, +) / Double(count)
        let variance = draws.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(count)
        #expect(abs(mean) < 4 / Double(count).squareRoot())
        #expect(abs(variance - 1) < 4 * (2 / Double(count)).squareRoot())
        var distance = 0.0
        for (rank, draw) in draws.sorted().enumerated() {
            let share = erfc(-draw / 2.0.squareRoot()) / 2
            distance = max(distance, abs(share - Double(rank) / Double(count)))
            distance = max(distance, abs(share - Double(rank + 1) / Double(count)))
        }
        // Exceeded by chance once in ten thousand: the draws are fixed.
        #expect(distance < 2.23 / Double(count).squareRoot())
        // Both halves of a pair, and neighbours in time, do not go together.
        for lag in 1...3 {
            let products = zip(draws, draws.dropFirst(lag)).reduce(0) { $0 + $1.0 * $1.1 } / Double(count)
            #expect(abs(products) < 4 / Double(count).squareRoot(), "lag \(lag)")
        }
    }

    @Test("Noise is added to the tensor, and scales with its standard deviation")
    func scale() {
        let unit = noise(key, input: [4], count: 100)
        let values = (0..<100).map { Float($0) - 50 }
        let added = noise(key, input: [4], sigma: 0.25, values: values)
        for index in values.indices { #expect(abs(added[index] - (values[index] + unit[index] / 4)) < 1e-5) }
    }

    @Test(
        "A standard deviation that is negative, zero, excessive or NaN is refused",
        arguments: [0, -1, -0.0, .nan, .infinity, -.infinity, 1e-7, 1e7, .leastNonzeroMagnitude])
    func deviations(_ value: Double) throws {
        #expect(NoiseDeviation(value) == nil)
        if value.isFinite {
            #expect(throws: DecodingError.self) {
                try JSONDecoder().decode([NoiseDeviation].self, from: Data("[\(value)]".utf8))
            }
        }
    }
}
