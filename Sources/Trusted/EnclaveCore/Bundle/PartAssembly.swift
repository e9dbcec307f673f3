// SPDX-License-Identifier: Apache-2.0
import Crypto
import Evidence
import Glibc
import SealedChannel
import Wire

/// Memory for the ciphertext of a part, mapped directly from the kernel: released pages return to the kernel at once,
/// which an allocator does not guarantee.
final class PartMemory {
    private let base: UnsafeMutableRawPointer
    private let capacity: Int
    private(set) var byteCount = 0

    /// `nil` if there is not enough memory. Pages are allocated when they are first written.
    init?(capacity: Int) {
        self.capacity = max(capacity, 1)
        let mapped = mmap(nil, self.capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let mapped, mapped != MAP_FAILED else { return nil }
        base = mapped
    }

    deinit { munmap(base, capacity) }

    func append(_ bytes: [UInt8]) {
        precondition(bytes.count <= capacity - byteCount, "a part beyond its size")
        bytes.withUnsafeBytes {
            UnsafeMutableRawBufferPointer(start: base + byteCount, count: $0.count).copyMemory(from: $0)
        }
        byteCount += bytes.count
    }

    func bytes(_ range: Range<Int>) -> [UInt8] {
        precondition(range.lowerBound >= 0 && range.upperBound <= byteCount, "bytes beyond a part")
        return Array(UnsafeRawBufferPointer(start: base + range.lowerBound, count: range.count))
    }

    /// Releases whole pages; they read as zeros afterwards.
    func release(_ range: Range<Int>) { madvise(base + range.lowerBound, range.count, MADV_DONTNEED) }
}

/// A sealed part with the digest of the bytes as received. A class, so that its memory can be released block by block
/// while it is opened.
final class ReceivedPart {
    /// A multiple of every page's size.
    private static let blockBytes = 1 << 20

    let digest: ContentDigest
    private let memory: PartMemory
    private var released = 0

    fileprivate init(_ memory: PartMemory, digest: ContentDigest) {
        self.memory = memory
        self.digest = digest
    }

    var byteCount: Int { memory.byteCount }

    /// Whether no block was released.
    var isWhole: Bool { released == 0 }

    /// - Parameter range: None of it was released.
    func bytes(_ range: Range<Int>) -> [UInt8] { memory.bytes(range) }

    /// Releases the blocks before this byte.
    func release(before offset: Int) {
        let end = min(offset, byteCount) / Self.blockBytes * Self.blockBytes
        guard end > released else { return }
        memory.release(released..<end)
        released = end
    }
}

/// Collects the ciphertext of one sealed part from chunks that the host gives in order, and accepts it only if it has the
/// size and the digest that the manifest core lists.
struct PartAssembly {
    private let expected: ManifestCore.Part
    private var memory: PartMemory?
    private var hash = SHA256()

    /// The complete part; `nil` until all of its bytes are received.
    private(set) var whole: ReceivedPart?

    /// - Throws: ``EnclaveRefusal`` (partRefused) for a part that is missing in the core or over the limit.
    init(_ expected: ManifestCore.Part?, limit: Int) throws(EnclaveRefusal) {
        guard let expected, expected.byteCount <= limit else { throw EnclaveRefusal(.partRefused) }
        self.expected = expected
    }

    /// - Throws: ``EnclaveRefusal`` (partRefused) for another size than the core's, or a chunk that is empty, out of order
    ///   or too long; then what was collected stays. For another digest; then nothing stays.
    mutating func append(_ chunk: [UInt8], offset: UInt64, totalBytes: UInt64) throws(EnclaveRefusal) {
        let byteCount = memory?.byteCount ?? 0
        guard whole == nil, totalBytes == UInt64(expected.byteCount), offset == UInt64(byteCount), !chunk.isEmpty,
            chunk.count <= expected.byteCount - byteCount,
            let target = memory ?? PartMemory(capacity: expected.byteCount)
        else { throw EnclaveRefusal(.partRefused) }
        hash.update(data: chunk)
        target.append(chunk)
        memory = target
        guard target.byteCount == expected.byteCount else { return }
        let found = ContentDigest(bytes: Defence.partDigest.isInPlace ? Array(hash.finalize()) : expected.digest)
        (memory, hash) = (nil, SHA256())
        guard let found, found.bytes == expected.digest else { throw EnclaveRefusal(.partRefused) }
        whole = ReceivedPart(target, digest: found)
    }
}
