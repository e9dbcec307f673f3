// SPDX-License-Identifier: Apache-2.0
import LeakageAssessment
import Tensors
import Testing

@Suite("Noise in an assessment")
struct NoiseTests {
    @Test("A bisection on a logarithmic scale converges to a threshold from either side", arguments: [true, false])
    func bisection(holdsBelow: Bool) {
        let threshold = 0.37
        var search =
            holdsBelow ? LogarithmicBisection(holds: 1e-3, fails: 1e2) : LogarithmicBisection(holds: 1e2, fails: 1e-3)
        for _ in 0..<8 { search.narrow((search.middle < threshold) == holdsBelow) }
        // Five decades, halved eight times.
        #expect(max(search.holds, search.fails) / min(search.holds, search.fails) < 1.05)
        #expect((search.holds < threshold) == holdsBelow && (search.fails < threshold) != holdsBelow)
    }

    private static func zeros(_ count: Int) throws -> Tensor {
        try Tensor([Float](repeating: 0, count: count), shape: [1, count])
    }

    @Test("For each failing cut, noise that keeps the answers is found and evaluated by decoders trained under it")
    func endToEnd() throws {
        let pictures = try DrawnPictures(count: 24)
        var configuration = try pictures.configuration()
        configuration.triesNoise = true
        configuration.trainedCuts = .none
        configuration.adversary = .informed
        configuration.protected = [.appearance]
        configuration.measuresTime = false
        // Loose enough for some noise to help.
        configuration.gates = Gates(
            name: "loose", [.rSquared: 0.6, .similarityGain: 1, .passFraction: 0, .areaUnderCurve: 1])
        let results = try [1, 2].map { threads in
            configuration.threads = threads
            return try Assessor(configuration).run()
        }
        let result = results[0]
        for (cut, verdict) in zip(result.cuts, result.verdicts) where !verdict.passes {
            let noise = try #require(cut.noise, "\(cut.name)")
            #expect(noise.agreement >= 0.99)
            #expect(noise.sigma.value > 0)
            if cut.decoder.rSquared > 0.6 { #expect(noise.decoder.rSquared < cut.decoder.rSquared) }
            #expect(noise.verdict.passes == (noise.verdict.ratio <= 1))
            // Near-duplicates undo it: the more of them, the nearer to what is found without noise.
            #expect(noise.repeated.map(\.count) == [1, 4, 16, 64])
            #expect(noise.repeated[0].rSquared == noise.decoder.rSquared)
            if cut.decoder.rSquared > 0.6 {
                #expect(noise.repeated[3].rSquared > noise.decoder.rSquared)
                #expect(abs(noise.repeated[3].rSquared - cut.decoder.rSquared) < 0.1)
            }
        }
        #expect(zip(result.cuts, result.verdicts).allSatisfy { !$1.passes || $0.noise == nil })
        #expect(results[0].cuts.map(\.noise?.sigma) == results[1].cuts.map(\.noise?.sigma))
        let noisy = result.recommendation.options.filter { $0.sigma != nil }
        #expect(noisy.count >= result.cuts.count { $0.noise != nil })
        // What is recommended with noise is what was found.
        if let sigma = result.recommendation.sigma {
            let cut = result.cuts.first { $0.name == result.recommendation.front }
            #expect(cut?.noise?.sigma == sigma && cut?.noise?.verdict.passes == true)
        }
    }

    @Test("The mean of noisy copies has the stated residual noise")
    func copies() throws {
        let (count, copies) = (20_001, 16)
        let tensors = [try Self.zeros(count)]
        var sums = [Double](repeating: 0, count: count)
        for copy in 0..<copies {
            let noisy = try FeatureNoise(sigma: 2, seed: UInt64(40 + copy)).added(to: tensors, picture: 1)[0].floats()
            for (index, value) in noisy.enumerated() { sums[index] += Double(value) / Double(copies) }
        }
        let left = FeatureNoise(sigma: 2, seed: 5).averaged(over: copies)
        #expect(left.sigma == 0.5)
        let variance = sums.reduce(0) { $0 + $1 * $1 } / Double(count)
        // Four standard errors.
        #expect(abs(variance - 0.25) < 4 * 0.25 * (2 / Double(count)).squareRoot())
    }

    @Test("Noise is normal, scales with its standard deviation for one picture, and is independent between pictures")
    func features() throws {
        let count = 50_001
        let tensors = [try Self.zeros(count), try Self.zeros(3)]
        let unit = FeatureNoise(sigma: 1, seed: 5).added(to: tensors, picture: 2)
        let values = try unit[0].floats().map(Double.init)
        let mean = values.reduce(0, +) / Double(count)
        let variance = values.reduce(0) { $0 + $1 * $1 } / Double(count)
        // Four standard errors.
        #expect(abs(mean) < 4 / Double(count).squareRoot())
        #expect(abs(variance - 1) < 4 * (2 / Double(count)).squareRoot())
        let twice = try FeatureNoise(sigma: 2, seed: 5).added(to: tensors, picture: 2)[1].floats()
        #expect(zip(twice, try unit[1].floats()).allSatisfy { abs($0 - 2 * $1) < 1e-5 })
        for other in [
            FeatureNoise(sigma: 1, seed: 6).added(to: tensors, picture: 2),
            FeatureNoise(sigma: 1, seed: 5).added(to: tensors, picture: 3),
        ] {
            let products = zip(try other[0].floats(), values).reduce(0) { $0 + Double($1.0) * $1.1 } / Double(count)
            #expect(abs(products) < 4 / Double(count).squareRoot())
        }
        let clean = FeatureNoise(sigma: 0, seed: 5).added(to: tensors, picture: 2)
        #expect(try clean[0].floats() == tensors[0].floats())
    }
}
