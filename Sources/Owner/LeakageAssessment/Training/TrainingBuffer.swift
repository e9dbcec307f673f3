// SPDX-License-Identifier: Apache-2.0
package import OneDNN
internal import Tensors

/// A buffer of floats for oneDNN primitives and this module's own loops. Used by one thread.
package final class TrainingBuffer {
    package let layout: TensorLayout
    let memory: TensorMemory
    private let storage: TensorStorage

    /// Initially zeros.
    init(_ layout: TensorLayout) throws(OneDNNError) {
        self.layout = layout
        storage = StorageAllocator.standard.allocate(byteCount: max(layout.byteCount, 4))
        memory = try TensorMemory(layout)
        try memory.bind(to: storage, byteOffset: 0)
    }

    /// All elements in the order of the layout.
    package func withValues<Result>(_ body: (UnsafeMutableBufferPointer<Float>) -> Result) -> Result {
        let count = layout.byteCount / 4
        return body(
            UnsafeMutableBufferPointer(start: storage.base.bindMemory(to: Float.self, capacity: count), count: count))
    }
}
