// SPDX-License-Identifier: Apache-2.0
import Foundation
import LeakageAssessment
import Testing

@Suite("Information-theoretic bounds")
struct BoundsTests {
    /// What `make_bounds_vectors.py` computed from lists of numbers, in plain Python.
    private struct Vectors: Decodable {
        struct Candidates: Decodable {
            struct Level: Decodable {
                let sigma, information, bound, boundError, identification: Double
            }
            let features: [[Float]]
            let levels: [Level]
        }
        struct Trace: Decodable {
            let probes: [[Double]]
            let mean, standardError, percentile95: Double
        }
        let candidates: Candidates
        let trace: Trace
    }

    private static func vectors() throws -> Vectors {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
            "bounds-vectors.json")
        return try JSONDecoder().decode(Vectors.self, from: try Data(contentsOf: file))
    }

    @Test(
        "Mutual information and Fano's bound agree with Python to 1e-6, simulated identification to 4 standard errors"
    )
    func candidates() throws {
        let expected = try Self.vectors().candidates
        let set = CandidateSet(gram: GramMatrix.of(expected.features))
        for level in expected.levels {
            #expect(abs(set.information(noise: level.sigma) - level.information) <= 1e-6 * max(1, level.information))
            let bound = set.identificationBound(noise: level.sigma)
            #expect(abs(bound.value - level.bound) <= 1e-6)
            if level.bound < 1 {
                #expect(abs(bound.standardError - level.boundError) <= 1e-6)
            } else {
                #expect(bound.standardError == .infinity)
            }
            let found = set.identification(noise: level.sigma, draws: 400, seed: 1).value
            // Both are shares of draws: 12 candidates, 400 and 4,000 each.
            let share = level.identification
            let deviation = (max(share * (1 - share), 1e-3) / (12 * 400)).squareRoot()
            #expect(abs(found - share) <= 4 * deviation, "sigma \(level.sigma): \(found), Python \(share)")
            #expect(level.identification <= level.bound + 0.02)
        }
    }

    @Test("The optimal adversary distinguishes two candidates with probability Φ(Δ / 2σ), to 0.01")
    func pairs() {
        let set = CandidateSet(gram: GramMatrix.of([[0, 0, 1], [2, 1, 1]]))
        for sigma in [0.3, 1, 4] {
            let expected = 0.5 * (1 + erf(5.0.squareRoot() / (2 * sigma) / 2.0.squareRoot()))
            #expect(abs(set.identification(noise: sigma, draws: 20_000, seed: 3).value - expected) < 0.01)
        }
    }

    @Test("The error of a simulated identification covers other candidates and draws, and is never 0")
    func identificationError() {
        var generator = SeededGenerator(seed: 9)
        let estimates = (0..<60).map { _ in
            let features = (0..<20).map { _ in (0..<10).map { _ in Float(generator.normal()) } }
            let set = CandidateSet(gram: GramMatrix.of(features))
            return set.identification(noise: 1, draws: 20, seed: generator.next())
        }
        let spread = Statistics.deviation(estimates.map(\.value))
        let stated = Statistics.mean(estimates.map(\.standardError))
        #expect((0.85 * spread...2 * spread).contains(stated), "stated \(stated), found \(spread)")
        let apart = CandidateSet(gram: GramMatrix.of([[9, 0, 0], [0, 9, 0], [0, 0, 9]]))
        let certain = apart.identification(noise: 0.1, seed: 1)
        // Three candidates, all named: Agresti and Coull's 5 of 7.
        #expect(certain.value == 1 && abs(certain.standardError - (5.0 / 7 * 2 / 7 / 7).squareRoot()) < 1e-12)
    }

    @Test("The noise for a target identification rate reaches it, and 80 % of that noise does not")
    func anonymity() throws {
        var generator = SeededGenerator(seed: 4)
        let features = (0..<20).map { _ in (0..<30).map { _ in Float(generator.normal()) } }
        let set = CandidateSet(gram: GramMatrix.of(features))
        let noise = try #require(set.noise(forIdentification: 0.2, seed: 5))
        #expect(set.identification(noise: noise, draws: 400, seed: 6).value < 0.23)
        #expect(set.identification(noise: 0.8 * noise, draws: 400, seed: 6).value > 0.2)
        let equal = CandidateSet(gram: GramMatrix.of([[1, 2], [1, 2], [1, 2]]))
        #expect(equal.noise(forIdentification: 0.5, seed: 1) == nil)
    }

    @Test("Mean, standard error and 95th percentile of the Jacobian trace agree with Python to 1e-9")
    func traces() throws {
        let expected = try Self.vectors().trace
        let found = TraceEstimate(probes: expected.probes)
        #expect(abs(found.mean - expected.mean) < 1e-9 * expected.mean)
        #expect(abs(found.standardError - expected.standardError) < 1e-9 * expected.standardError)
        #expect(abs(found.percentile95 - expected.percentile95) < 1e-9 * expected.percentile95)
    }

    @Test("Error floors follow from the trace: σ for 20 dB gives 20 dB, and a tenth of the noise gives 20 dB more")
    func floors() throws {
        let set = CandidateSet(gram: GramMatrix.of([[1, 0], [0, 1], [1, 1]]))
        let probes = [[8.0, 8.0], [8.0, 8.0]]
        let bounds = LeakageBounds(
            pixelProbes: probes, thumbnailProbes: probes, pixels: 8, thumbnailPixels: 2, area: 4, rootMeanSquare: 1,
            candidates: set, seed: 1)
        #expect(bounds.trace.mean == 1 && bounds.trace.standardError == 0)
        #expect(abs(bounds.sigmaForFloor - 0.1) < 1e-12)
        let level = try #require(bounds.levels.first { $0.sigma == 0.1 })
        #expect(abs(level.peakSignalToNoise - 20) < 1e-9)
        #expect(abs(level.fisherLeakage - 100) < 1e-9)
        // tr(UᵀJᵀJU) = 8 over two pixels of four each: an error of 0.01 / (4 * 8 / 2).
        #expect(abs(level.thumbnailPeakSignalToNoise - (20 + 10 * log10(16))) < 1e-9)
        let quieter = try #require(bounds.levels.first { $0.sigma == 0.03 })
        #expect(abs(quieter.peakSignalToNoise - level.peakSignalToNoise - 20 * log10(0.1 / 0.03)) < 1e-9)
    }
}
