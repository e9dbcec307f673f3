package import ModelGraph
package import Tensors

/// How a graph is compiled.
package struct PlanOptions: Sendable {
    /// Threads of one run, the calling thread included; at least 1.
    package var threads: Int
    /// Where weights, activations, scratch and results live.
    package var allocator: StorageAllocator

    /// What convolutions and matrix products compute with. Where the processor lacks the instructions, or
    /// they are slower, it is float32.
    package var precision: Precision

    /// Whether bfloat16 is computed with even where the processor is faster in float32: to find out what it does to
    /// answers elsewhere.
    package var keepsSlowPrecision = false

    /// Whether what a concatenation joins is written where it belongs from the beginning, where layouts permit it.
    package var joinsInPlace = true

    /// Whether the gate of a convolution's channels goes into its weights, where that is less work.
    package var foldsGates = true

    /// What Winograd's algorithm may take beyond what the definition of a convolution takes.
    package var extraMemory = ExtraMemory.plenty

    /// Whether subnormal numbers are taken as zeros, without which a client's picture can take a hundred times as long as
    /// another. Off only to measure what that does to answers.
    package var flushesSubnormals = true

    /// Activations and scratch of one run, at most. A small file can ask for any amount.
    package var maximumWorkingBytes = 8 << 30

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
