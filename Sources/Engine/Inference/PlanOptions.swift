package import Tensors

/// How a graph is compiled.
package struct PlanOptions: Sendable {
    /// Threads of one run, the calling thread included; at least 1.
    package var threads: Int
    /// Where weights, activations, scratch and results live.
    package var allocator: StorageAllocator

    package init(threads: Int = 1, allocator: StorageAllocator = .standard) {
        self.threads = max(1, threads)
        self.allocator = allocator
    }
}
