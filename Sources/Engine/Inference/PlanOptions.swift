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
    package var extraMemory = ExtraMemory.unlimited

    /// Activations and scratch of one run, at most. A small file can ask for any amount.
    package var maximumWorkingBytes = 8 << 30

    package init(threads: Int = 1, precision: Precision = .float32, allocator: StorageAllocator = .standard) {
        self.threads = max(1, threads)
        self.precision = precision
        self.allocator = allocator
    }
}

/// Memory that a plan may take to be faster.
package enum ExtraMemory: Sendable, Hashable {
    case unlimited
    /// Little, and none that would bring what fits into the first SGX's usable memory beyond it.
    case enclave
    case none

    private static let mebibyte = 1 << 20
    /// Of the 128 MiB that the first SGX reserved, enclaves could use some 93.
    private static let usableBytes = 93 * mebibyte
    /// What activations and the scratch memory of other primitives are counted as.
    private static let workingBytes = 16 * mebibyte
    private static let enclaveBytes = 16 * mebibyte

    /// - Parameter weights: Bytes of all of a network's weights.
    package func bytes(besides weights: Int) -> Int {
        switch self {
        case .unlimited: .max
        case .none: 0
        case .enclave:
            weights > Self.usableBytes
                ? Self.enclaveBytes : min(Self.enclaveBytes, max(0, Self.usableBytes - Self.workingBytes - weights))
        }
    }
}
