// SPDX-License-Identifier: Apache-2.0
package import ModelGraph
package import Tensors

/// How a graph is compiled.
package struct PlanOptions: Sendable {
    /// Threads of one run, the calling thread included; at least 1.
    package var threads: Int
    /// The allocator of activations, scratch memory and results, and of weights if ``weightAllocator`` is `nil`.
    package var allocator: StorageAllocator
    /// The allocator of weights; `nil` for ``allocator``. Public weights need no secret memory.
    package var weightAllocator: StorageAllocator?

    /// The allocator of weights and of the constants that passes compute.
    var allocatorOfWeights: StorageAllocator { weightAllocator ?? allocator }

    /// Precision of convolutions and matrix products. Float32 replaces it if the processor lacks the instructions or is
    /// slower with them.
    package var precision: Precision

    /// Whether to compute in bfloat16 even if float32 is faster on this processor. On only to measure the effect on
    /// answers, which is the same on other processors.
    package var keepsSlowPrecision = false

    /// Whether the operands of a concatenation are written directly into its result, if layouts permit it.
    package var joinsInPlace = true

    /// Whether the gate of a convolution's channels is multiplied into its weights, if that is less work.
    package var foldsGates = true

    /// Whether convolutions of quantised networks multiply the file's 8-bit integers, if the processor has instructions
    /// for it. Sums of integers are exact; sums of float32 are not.
    package var multipliesIntegers = true

    /// Memory that Winograd's algorithm may use beyond that of direct convolution.
    package var extraMemory = ExtraMemory.plenty

    /// Whether subnormal numbers are flushed to zero. Otherwise a client's image could take a hundred times as long as
    /// others. Off only to measure the effect on answers.
    package var flushesSubnormals = true

    /// Limit of the bytes that 8-bit weights of products of token rows take as float32. Above it, these weights stay
    /// integers in memory, and each run converts them.
    package var maximumExpandedBytes = 256 << 20

    /// Limit of activations and scratch memory of one run, in bytes. A small model file can require any amount.
    package var maximumWorkingBytes = 8 << 30

    /// Whether the draft is checked after each pass, at the cost of compile time; always in debug builds.
    package var verifiesPasses = Self.isDebug

    #if DEBUG
        private static let isDebug = true
    #else
        private static let isDebug = false
    #endif

    package init(threads: Int = 1, precision: Precision = .float32, allocator: StorageAllocator = .standard) {
        self.threads = max(1, threads)
        self.precision = precision
        self.allocator = allocator
    }
}

extension Graph {
    /// Multiply-adds of a run for which a thread is worth its cost: waking it for each primitive takes some
    /// microseconds.
    private static let workOfThread = 10_000_000

    /// The number of threads with which a run is fastest. It is 1 for a small network.
    ///
    /// - Parameter threads: The number of available threads.
    package func usefulThreads(atMost threads: Int) -> Int {
        // Writing an element, and reading its operands, takes about as long as four multiply-adds.
        let written = nodes.reduce(0) { sum, node in
            node.outputs.reduce(sum) { $0 + type(of: $1).shape.elementCount }
        }
        let work = multiplyAddsByNode.reduce(4 * written, +)
        return max(1, min(threads, work / Self.workOfThread))
    }
}
