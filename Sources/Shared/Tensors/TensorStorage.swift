// SPDX-License-Identifier: Apache-2.0
#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A fixed block of 64-byte aligned memory that tensors share. Written only before it is shared, released once.
///
/// - Note: `@unchecked Sendable` because the bytes are written only inside the initialiser of the tensor that owns
///   the block, or by the single owner of a plan while no reader holds it.
package final class TensorStorage: @unchecked Sendable {
    /// Alignment of every block in bytes.
    package static let alignment = 64

    /// The size of the block in bytes.
    package let byteCount: Int
    package let base: UnsafeMutableRawPointer
    private let release: @Sendable (UnsafeMutableRawPointer, Int) -> Void

    /// Takes ownership of `base`: `release` is called with it exactly once.
    package init(
        adopting base: UnsafeMutableRawPointer, byteCount: Int,
        release: @escaping @Sendable (UnsafeMutableRawPointer, Int) -> Void
    ) {
        self.base = base
        self.byteCount = byteCount
        self.release = release
    }

    deinit { release(base, byteCount) }

    package var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: byteCount) }
    package var mutableBytes: UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(start: base, count: byteCount)
    }
}

/// Allocates tensor memory. The enclave's allocator locks and wipes its blocks.
public struct StorageAllocator: Sendable {
    private let body: @Sendable (Int) -> TensorStorage?

    /// - Parameter body: Returns `nil` if the allocation fails.
    package init(_ body: @escaping @Sendable (Int) -> TensorStorage?) { self.body = body }

    /// Zero-filled memory of at least `byteCount` bytes, aligned to ``TensorStorage/alignment``. Traps if the
    /// allocation fails.
    package func allocate(byteCount: Int) -> TensorStorage {
        guard let storage = body(byteCount) else { fatalError("\(byteCount) bytes of memory are not available") }
        return storage
    }

    /// Like ``allocate(byteCount:)``, for sizes that come from a file: returns `nil` if the allocation fails.
    package func allocateIfAvailable(byteCount: Int) -> TensorStorage? { body(byteCount) }

    /// Ordinary memory, neither locked nor wiped.
    public static let standard = StorageAllocator { byteCount in
        // `calloc` gets large blocks from the system already zeroed and does not touch them.
        guard byteCount <= Int.max - TensorStorage.alignment,
            let block = calloc(1, max(byteCount, 1) + TensorStorage.alignment)
        else { return nil }
        let base = block.alignedUp(toMultipleOf: TensorStorage.alignment)
        let padding = base - block
        return TensorStorage(adopting: base, byteCount: byteCount) { base, _ in free(base - padding) }
    }
}
