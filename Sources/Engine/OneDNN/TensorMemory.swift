// SPDX-License-Identifier: Apache-2.0
internal import COneDNN
package import Tensors

/// Memory with a layout: an argument of primitives. One thread at a time may use it.
package final class TensorMemory {
    let handle: dnnl_memory_t
    package let layout: TensorLayout
    /// The handle points into it.
    private var storage: TensorStorage?

    /// Creates memory that is not bound to storage yet.
    package init(_ layout: TensorLayout) throws(OneDNNError) {
        var created: dnnl_memory_t?
        let status = try withUnsafePointer(to: layout.raw) { (raw) throws(OneDNNError) in
            // DNNL_MEMORY_NONE is a null pointer.
            dnnl_memory_create(&created, raw, try Processor.engine, nil)
        }
        try check(status, during: "creating memory \(layout)")
        guard let created else { throw OneDNNError(message: "oneDNN: no memory \(layout)", isUnimplemented: false) }
        handle = created
        self.layout = layout
        LiveObjects.created()
    }

    deinit {
        _ = dnnl_memory_destroy(handle)
        LiveObjects.destroyed()
    }

    /// Binds `storage` from `byteOffset` on. The storage stays alive until the next call.
    package func bind(to storage: TensorStorage, byteOffset: Int) throws(OneDNNError) {
        precondition(
            byteOffset >= 0 && byteOffset + layout.byteCount <= storage.byteCount, "\(layout) exceeds its memory")
        try check(
            dnnl_memory_set_data_handle(handle, storage.base + byteOffset), during: "binding memory \(layout)")
        self.storage = storage
    }

    /// Releases the storage, so that a caller's tensor does not outlive the run.
    package func unbind() {
        _ = dnnl_memory_set_data_handle(handle, nil)
        storage = nil
    }
}
