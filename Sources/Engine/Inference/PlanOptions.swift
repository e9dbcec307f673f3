// SPDX-License-Identifier: Apache-2.0
package import ModelGraph
package import Tensors

/// How a graph is compiled.
package struct PlanOptions: Sendable {
    /// Threads of one run, the calling thread included; at least 1.
    package var threads: Int
    /// Where activations, scratch and results live, and weights where ``weightAllocator`` is `nil`.
    package var allocator: StorageAllocator
    /// Where weights live, if not beside activations: weights that are no secret need no secret memory.
    package var weightAllocator: StorageAllocator?

    /// Where weights live, and what passes compute of them.
    var allocatorOfWeights: StorageAllocator { weightAllocator ?? allocator }

    /// Precision of convolutions and matrix products. It is float32 where the processor lacks the instructions or is
    /// slower with them.
    package var precision: Precision

    /// Computes in bfloat16 even where float32 is faster on this processor: to measure the effect on answers elsewhere.
    package var keepsSlowPrecision = false

    /// Whether the operands of a concatenation are written directly into its result, where layouts permit it.
    package var joinsInPlace = true

    /// Whether the gate of a convolution's channels is multiplied into its weights, where that is less work.
    package var foldsGates = true

    /// Whether convolutions of quantised networks multiply the file's 8-bit integers, where the processor has
    /// instructions for it. Their sums are exact, and those of float32 are not.
    package var multipliesIntegers = true

    /// Memory that Winograd's algorithm may use beyond that of direct convolution.
    package var extraMemory = ExtraMemory.plenty

    /// Whether subnormal numbers are flushed to zero. Without it a client's image can take a hundred times as long as
    /// another's. Off only to measure the effect on answers.
    package var flushesSubnormals = true

    /// Bytes that the 8-bit weights of products of token rows may take as float32. Beyond, they stay integers in
    /// memory, and each run converts them.
    package var maximumExpandedBytes = 256 << 20

    /// Limit of activations and scratch of one run, in bytes. A small file can ask for any amount.
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
    /// Multiply-adds for which another thread pays: waking it for each primitive costs some microseconds.
    private static let workOfThread = 10_000_000

    /// Threads that make a run faster. A small network is fastest on one.
    ///
    /// - Parameter threads: That there are.
    package func usefulThreads(atMost threads: Int) -> Int {
        // What has no products reads and writes: about as long as four of them for each number.
        let written = nodes.reduce(0) { sum, node in
            node.outputs.reduce(sum) { $0 + type(of: $1).shape.elementCount }
        }
        let work = multiplyAddsByNode.reduce(4 * written, +)
        return max(1, min(threads, work / Self.workOfThread))
    }
}
