// SPDX-License-Identifier: Apache-2.0
package import Tensors

extension StorageAllocator {
    /// Tensor memory that is excluded from core dumps, locked as far as the limits allow, and wiped when its last
    /// tensor is released. It consists of whole pages, so it is meant for pictures, activations and weights, not for
    /// many tiny tensors.
    package static let wiping = wiping(pages: .system)

    package static func wiping(pages: SecretPages) -> StorageAllocator {
        StorageAllocator { byteCount in
            let region = SecretRegion(byteCount: byteCount, pages: pages)
            return TensorStorage(adopting: region.base, byteCount: byteCount) { _, _ in region.release() }
        }
    }
}
