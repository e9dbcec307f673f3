// SPDX-License-Identifier: Apache-2.0
import Foundation
import Inference
import ModelGraph
import OneDNN
import Tensors
import Testing

@Suite("The thread team for parallel regions")
struct ThreadTeamTests {
    /// The functions of OpenMP's runtime that ``ThreadTeam`` replaces. If oneDNN used one more, it would be libgomp's,
    /// which does not use the team.
    private static let replaced: Set<String> = [
        "GOMP_barrier", "GOMP_parallel", "omp_get_max_threads", "omp_get_num_threads", "omp_get_thread_num",
        "omp_in_parallel",
    ]

    @Test("The team replaces every OpenMP function that oneDNN calls")
    func functions() throws {
        let names = try ELFSymbols.undefined(in: try #require(ELFSymbols.pathOfLibrary(named: "libdnnl.so")))
        let called = Set(names.filter { $0.hasPrefix("GOMP_") || $0.hasPrefix("omp_") })
        #expect(called.contains("GOMP_parallel"))
        #expect(called.subtracting(Self.replaced) == [])
    }

    @Test("Every thread of the team computes in the calling thread's floating-point mode", arguments: 1...6)
    func threads(_ threads: Int) {
        #expect(SubnormalFlushing.team(of: threads) == (threads, 0))
        SubnormalFlushing.set(true)
        #expect(SubnormalFlushing.team(of: threads) == (threads, threads))
        SubnormalFlushing.set(false)
        #expect(SubnormalFlushing.team(of: threads) == (threads, 0))
    }

    @Test(
        "In the measured balance the longest thread takes at least the mean and at most the total",
        arguments: [1, 2, 5])
    func shares(threads: Int) throws {
        let problem = try PlanTests.network()
        let plan = try Plan(compiling: try problem.graph(), options: PlanOptions(threads: threads))
        let expected = try plan.run(problem.given).map { $0.withBytes { Array($0) } }
        let steps = try plan.balance(problem.given)
        #expect(steps.count == plan.steps.count)
        for step in steps {
            #expect(step.serial >= .zero)
            #expect(step.longest <= step.all && step.longest * threads >= step.all)
        }
        #expect(steps.contains { $0.serial > .zero })
        // With one thread oneDNN has no parallel regions.
        #expect(steps.contains { $0.longest > .zero } == (threads > 1))
        // Later runs of this thread are not measured, and compute the same.
        #expect(try plan.run(problem.given).map { $0.withBytes { Array($0) } } == expected)
    }

    @Test("Work that cannot be divided among threads is visible in the measured balance")
    func undividable() throws {
        // The result is one pixel with one block of channels (eight with AVX2), which cannot be divided. Its sum over
        // 8,192 channels takes much longer than waking three threads that have nothing to do.
        let one = try parallelism("one window", from: 8192, to: 8, side: 3, pad: 0)
        let many = try parallelism("many windows", from: 64, to: 64, side: 56, pad: 1)
        #expect(one < 0.6 * many, "one window: \(one), many: \(many)")
    }

    /// The sum of the threads' times divided by the longest, for a 3x3 convolution; the median of 21 runs.
    private func parallelism(_ name: String, from: Int, to: Int, side: Int, pad: Int) throws -> Double {
        var problem = Problem(name)
        try problem.constant("w", [to, from, 3, 3])
        try problem.input("x", [1, from, side, side])
        problem.node(
            "c",
            .convolution(Convolution(window: Window(kernel: [3, 3], pads: [pad, pad, pad, pad]))), "x", "w")
        let plan = try Plan(compiling: try problem.graph(), options: PlanOptions(threads: 4))
        return try (0..<21).map { _ in
            let step = try #require(try plan.balance(problem.given).max { $0.all < $1.all })
            return step.all / step.longest
        }.sorted()[10]
    }

    @Test("A plan gives bit-identical results under any processor load")
    func sameBits() throws {
        let problem = try PlanTests.network()
        let plan = try Plan(compiling: try problem.graph(), options: PlanOptions(threads: 4))
        func bits() throws -> [[UInt8]] { try plan.run(problem.given).map { $0.withBytes { Array($0) } } }
        let expected = try bits()
        let stop = Flag()
        let others = (0..<2 * ProcessInfo.processInfo.activeProcessorCount).map { _ in
            let thread = Thread { while !stop.isRaised {} }
            thread.start()
            return thread
        }
        defer { stop.raise() }
        #expect(others.count >= 2)
        for _ in 0..<200 { #expect(try bits() == expected) }
    }
}

/// A flag that one thread raises and others read.
private final class Flag: Sendable {
    private let lock = NSLock()
    nonisolated(unsafe) private var raised = false

    var isRaised: Bool { lock.withLock { raised } }
    func raise() { lock.withLock { raised = true } }
}
