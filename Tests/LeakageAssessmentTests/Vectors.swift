// SPDX-License-Identifier: Apache-2.0
import Foundation

/// `vectors.json`, which `make_vectors.py` computed with numpy and scipy.
struct Vectors: Decodable {
    struct Divergence: Decodable {
        let p, q: [Float]
        let divergence, entropy, baseline: Double
    }

    struct Area: Decodable {
        let positives, negatives: [Double]
        let area: Double
    }

    struct Resize: Decodable {
        let source, target: [Int]
        let image, result: [Float]
    }

    struct Pictures: Decodable {
        let shape: [Int]
        let a, b: [Float]
        let mse, psnr, ssim: Double
    }

    struct Average: Decodable {
        let shape, target: [Int]
        let region: [Double]
        let image, result: [Float]
    }

    struct NormalEquations: Decodable {
        struct Case: Decodable {
            let penalty, error: Double
            let weights: [Double]
        }

        let features, outputs: Int
        let x, y: [Double]
        let cases: [Case]
    }

    struct DualRidge: Decodable {
        let features, pictures, result: [[Float]]
        let side: Int
        let training, testing: [Int]
        let penalty: Double
    }

    let divergences: [Divergence]
    let areas: [Area]
    let resizes: [Resize]
    let pictures: [Pictures]
    let averages: [Average]
    let normalEquations: NormalEquations
    let dualRidge: DualRidge

    struct KernelRidge: Decodable {
        let features, targets: [[Float]]
        let training, testing: [Int]
        let kernel: String
        let penalty: Double
        let result: [[Double]]
    }

    let kernelRidge: [KernelRidge]

    struct Perceptron: Decodable {
        struct Step: Decodable {
            let output: [Float]
            let parameters: [[Float]]
        }

        let batch, width: Int
        let seed: UInt64
        let rate: Float
        let inputs, targets: [Float]
        let parameters: [[Float]]
        let steps: [Step]
    }

    let perceptron: Perceptron

    static let stored: Vectors = {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "vectors.json")
        do {
            return try JSONDecoder().decode(Vectors.self, from: Data(contentsOf: file))
        } catch { fatalError("\(file.path()): \(error); make_vectors.py writes it") }
    }()
}
