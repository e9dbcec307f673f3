// SPDX-License-Identifier: Apache-2.0
/// Times of repeated runs, in milliseconds.
struct Timing: Encodable {
    let milliseconds: Double
    let p90: Double
    let runs: Int

    init(_ samples: [Double]) {
        let sorted = samples.sorted()
        milliseconds = sorted[sorted.count / 2]
        p90 = sorted[min(sorted.count - 1, sorted.count * 9 / 10)]
        runs = sorted.count
    }

    /// Runs `body` after a warm-up until there are enough runs or enough time has passed.
    static func measure(
        runs: Int, atMost limit: Duration = .seconds(10), _ body: () async throws -> Void
    ) async throws -> Timing {
        for _ in 0..<3 { try await body() }
        var samples: [Double] = []
        let begin = ContinuousClock.now
        while samples.count < runs, samples.count < 5 || ContinuousClock.now - begin < limit {
            let start = ContinuousClock.now
            try await body()
            samples.append((ContinuousClock.now - start).milliseconds)
        }
        return Timing(samples)
    }

    /// The same on the calling thread, without the cost of passing each run to another thread.
    static func measureHere<Failure: Error>(
        runs: Int, atMost limit: Duration = .seconds(10), _ body: () throws(Failure) -> Void
    ) throws(Failure) -> Timing {
        for _ in 0..<3 { try body() }
        var samples: [Double] = []
        let begin = ContinuousClock.now
        while samples.count < runs, samples.count < 5 || ContinuousClock.now - begin < limit {
            let start = ContinuousClock.now
            try body()
            samples.append((ContinuousClock.now - start).milliseconds)
        }
        return Timing(samples)
    }
}
