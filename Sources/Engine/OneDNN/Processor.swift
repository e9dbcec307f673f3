// SPDX-License-Identifier: Apache-2.0
internal import COneDNN

/// The process's only CPU engine of oneDNN. Engines are thread-safe; this one is never destroyed.
///
/// - Note: `@unchecked Sendable` because the handle is only read after creation.
final class Processor: @unchecked Sendable {
    let handle: dnnl_engine_t

    private init(handle: dnnl_engine_t) { self.handle = handle }

    private static let shared: Result<Processor, OneDNNError> = {
        var handle: dnnl_engine_t?
        do throws(OneDNNError) {
            try check(dnnl_engine_create(&handle, dnnl_cpu, 0), during: "creating the CPU engine")
        } catch { return .failure(error) }
        guard let handle else {
            return .failure(OneDNNError(message: "oneDNN: no CPU engine", isUnimplemented: false))
        }
        return .success(Processor(handle: handle))
    }()

    static var engine: dnnl_engine_t {
        get throws(OneDNNError) { try shared.get().handle }
    }
}

/// A oneDNN stream, which runs primitives in order. One thread at a time may use it. On the CPU, a call returns when
/// the primitive has finished.
package final class ExecutionStream {
    let handle: dnnl_stream_t

    package init() throws(OneDNNError) {
        var created: dnnl_stream_t?
        try check(
            dnnl_stream_create(&created, try Processor.engine, UInt32(dnnl_stream_default_flags.rawValue)),
            during: "creating a stream")
        guard let created else { throw OneDNNError(message: "oneDNN: no stream", isUnimplemented: false) }
        handle = created
        LiveObjects.created()
    }

    deinit {
        _ = dnnl_stream_destroy(handle)
        LiveObjects.destroyed()
    }
}
