// SPDX-License-Identifier: Apache-2.0
import Inference
import Tensors

/// Memory for a model's input, whose size comes from an untrusted file.
enum InputMemory {
    /// A tensor whose elements `fill` writes.
    ///
    /// - Throws: ``CommandFailure`` when it exceeds the limit of plans, or the allocation fails.
    static func tensor(
        _ type: TensorType, filledBy fill: (UnsafeMutableRawBufferPointer) -> Void = { _ in }
    ) throws -> Tensor {
        let limit = PlanOptions().maximumWorkingBytes
        guard type.byteCount <= limit else {
            throw CommandFailure("input", "an input of \(type.byteCount) bytes exceeds the limit of \(limit)")
        }
        guard let storage = StorageAllocator.standard.allocateIfAvailable(byteCount: type.byteCount) else {
            throw CommandFailure("input", "\(type.byteCount) bytes of memory for the input are not available")
        }
        fill(UnsafeMutableRawBufferPointer(start: storage.base, count: type.byteCount))
        return try Tensor(type: type, storage: storage)
    }
}
