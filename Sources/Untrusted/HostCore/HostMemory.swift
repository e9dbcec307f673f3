// SPDX-License-Identifier: Apache-2.0
import CAllocator
import Dispatch

/// Returns the memory of freed request bodies to the system. Without this, glibc kept 290 MiB of free fragments after
/// 64 MiB of bodies of 12 MiB.
package enum HostMemory {
    /// Smaller blocks stay in the allocator: a block from the system costs a page fault for every 4 KiB, which is too
    /// slow for the boundary tensors of every request.
    private static let largeBlockBytes = 1 << 20

    /// Call it once, at the start of a server.
    package static func returnLargeBlocks() { callocator_return_blocks_from(largeBlockBytes) }

    /// Whether a child process may lock this many bytes, so that they are never written to a disk.
    package static func canLock(_ bytes: Int) -> Bool { callocator_can_lock(bytes) != 0 }

    /// The maximum that an enclave process locks: the weights twice, in the graph and in the plan, and some memory for
    /// requests and keys. (Pages count from when they are reserved.)
    package static func lockedBytes(ofParts bytes: Int) -> Int { 2 * bytes + 4 << 20 }

    /// Returns free memory to the system a second later, when the released buffers are freed.
    package static func trimSoon() {
        DispatchQueue.global(qos: .utility).asyncAfter(deadline: .now() + 1) { callocator_trim() }
    }
}
