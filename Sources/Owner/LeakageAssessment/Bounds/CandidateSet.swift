// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// How well an adversary who knows everything but the noise identifies *which* of N images crossed: exact for these
/// images, without gradients.
///
/// - Source: design notes, Tier 3; Kolchinsky and Tracey 2017 for the mutual information of a mixture.
package struct CandidateSet: Sendable {
    private let gram: SymmetricMatrix
    /// Row-major lower triangle L with L Lᵀ = gram: the inner products of Gaussian noise n with the candidates e are L
    /// w, with w standard normal.
    private let factor: [Double]

    package var count: Int { gram.size }

    /// - Parameter gram: Inner products of the boundary tensors of all candidates; at least two.
    package init(gram: SymmetricMatrix) {
        precondition(gram.size >= 2)
        self.gram = gram
        factor = Self.factor(of: gram)
    }

    /// ‖e_i - e_j‖²
    package func squaredDistance(_ i: Int, _ j: Int) -> Double {
        max(0, gram[i, i] + gram[j, j] - 2 * gram[i, j])
    }

    /// An upper bound on the mutual information of candidate and e + σn, in nats: -mean_i ln mean_j exp(-‖e_i - e_j‖² /
    /// 2σ²).
    package func information(noise: Double) -> Double {
        -Statistics.mean(
            (0..<count).map { i in
                log(Statistics.mean((0..<count).map { j in exp(-squaredDistance(i, j) / (2 * noise * noise)) }))
            })
    }

    /// Fano's bound: no adversary's top-1 rate exceeds (I + ln 2) / ln N, at most 1. The error is the jackknife's over
    /// the candidates; infinite where the bound is 1 and excludes nothing, and for fewer than three candidates.
    package func identificationBound(noise: Double) -> Estimate {
        func bound(_ information: Double, among count: Int) -> Double {
            min(1, (information + log(2)) / log(Double(count)))
        }
        let value = bound(information(noise: noise), among: count)
        guard count >= 3, value < 1 else { return Estimate(value: value, standardError: .infinity) }
        let kernel = (0..<count).map { i in
            (0..<count).map { j in exp(-squaredDistance(i, j) / (2 * noise * noise)) }
        }
        let sums = kernel.map { $0.reduce(0, +) }
        let without = (0..<count).map { left in
            let logarithms = (0..<count).lazy.filter { $0 != left }
                .map { log((sums[$0] - kernel[$0][left]) / Double(count - 1)) }
            return bound(-Statistics.mean(Array(logarithms)), among: count - 1)
        }
        return Estimate(value: value, standardError: Statistics.deviation(without) * sqrt(Double(count - 1)))
    }

    /// Top-1 rate of the nearest candidate, the best possible adversary. Simulated with `draws` noise samples per
    /// candidate. Only the noise's inner products with the candidates matter, and these are drawn exactly.
    ///
    /// The error covers the draws and the choice of candidates, by jackknife over candidates with the same draws. Where
    /// the rate is 0 or 1, it is that of a share with as many trials as candidates (Agresti and Coull 1998).
    package func identification(noise: Double, draws: Int = 40, seed: UInt64) -> Estimate {
        var generator = SeededGenerator(seed: seed, purpose: "identification")
        var hits = [Int](repeating: 0, count: count)
        /// Draws of other candidates that become correct when this candidate is left out.
        var concealed = hits
        for truth in 0..<count {
            for _ in 0..<draws {
                let normals = (0..<count).map { _ in generator.normal() }
                var (best, second) = ((score: Double.infinity, candidate: -1), (score: Double.infinity, candidate: -1))
                for candidate in 0..<count {
                    var product = 0.0
                    for index in 0...candidate { product += factor[candidate * count + index] * normals[index] }
                    let score = gram[candidate, candidate] - 2 * (gram[truth, candidate] + noise * product)
                    if score < best.score {
                        (best, second) = ((score, candidate), best)
                    } else if score < second.score {
                        second = (score, candidate)
                    }
                }
                if best.candidate == truth {
                    hits[truth] += 1
                } else if second.candidate == truth {
                    concealed[best.candidate] += 1
                }
            }
        }
        let named = hits.reduce(0, +)
        let share = Double(named) / Double(count * draws)
        guard share > 0, share < 1 else {
            let (trials, adjusted) = (Double(count + 4), (share * Double(count) + 2) / Double(count + 4))
            return Estimate(value: share, standardError: sqrt(adjusted * (1 - adjusted) / trials))
        }
        let without = (0..<count).map { Double(named - hits[$0] + concealed[$0]) / Double((count - 1) * draws) }
        return Estimate(value: share, standardError: Statistics.deviation(without) * sqrt(Double(count - 1)))
    }

    /// The smallest noise at which ``identification(noise:draws:seed:)`` is at most `share`, to 2 % plus the effect of
    /// its error; `nil` where the candidates do not differ.
    package func noise(forIdentification share: Double, seed: UInt64) -> Double? {
        let spread = (0..<count).flatMap { i in (0..<i).map { squaredDistance(i, $0) } }.max() ?? 0
        guard spread > 0, share > 1 / Double(count) else { return nil }
        var (low, high) = (0.0, sqrt(spread))
        for _ in 0..<40 where identification(noise: high, seed: seed).value > share { (low, high) = (high, 2 * high) }
        while high - low > 0.02 * high {
            let middle = (low + high) / 2
            if identification(noise: middle, seed: seed).value > share { low = middle } else { high = middle }
        }
        return high
    }

    /// Cholesky factor; a pivot that rounding made negative counts as 0.
    private static func factor(of gram: SymmetricMatrix) -> [Double] {
        let count = gram.size
        var factor = [Double](repeating: 0, count: count * count)
        let tolerance = 1e-12 * max(gram.meanDiagonal, 1e-300)
        for column in 0..<count {
            for row in column..<count {
                var value = gram[row, column]
                for index in 0..<column { value -= factor[row * count + index] * factor[column * count + index] }
                if row == column {
                    factor[row * count + row] = value > tolerance ? sqrt(value) : 0
                } else {
                    let pivot = factor[column * count + column]
                    factor[row * count + column] = pivot > 0 ? value / pivot : 0
                }
            }
        }
        return factor
    }
}
