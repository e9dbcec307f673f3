// SPDX-License-Identifier: Apache-2.0
import CAllocator
import Dispatch

/// Memory of this process that bodies of requests leave behind. Without this, 64 MiB of bodies of 12 MiB left 290 MiB
/// behind in pieces that glibc kept.
package enum HostMemory {
    /// Smaller blocks stay with the allocator: a block from the system costs a page fault for every 4 KiB, which tensors
    /// that cross with every request should not.
    private static let largeBlockBytes = 1 << 20

    /// Once, at the start of a server.
    package static func returnLargeBlocks() { callocator_return_blocks_from(largeBlockBytes) }

    /// Whether a child process may lock this many bytes, so that they are never written to a disk.
    package static func canLock(_ bytes: Int) -> Bool { callocator_can_lock(bytes) != 0 }

    /// What an enclave process locks at most: weights exist as graph and as a plan's block, and requests and keys take some.
    /// (Pages count from when they are reserved.)
    package static func lockedBytes(ofParts bytes: Int) -> Int { 2 * bytes + 4 << 20 }

    /// Gives back what is free, in a second, when what was released is freed.
    package static func trimSoon() {
        DispatchQueue.global(qos: .utility).asyncAfter(deadline: .now() + 1) { callocator_trim() }
    }
}
