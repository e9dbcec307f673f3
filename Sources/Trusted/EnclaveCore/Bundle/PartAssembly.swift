import Crypto
import Evidence
import SealedChannel
import Wire

/// A sealed part with the digest of exactly the bytes that were received. A class, so that its memory can go back block by
/// block while it is opened.
final class ReceivedPart {
    let byteCount: Int
    let digest: ContentDigest
    private var blocks: [[UInt8]]
    private var firstBlock = 0

    fileprivate init(_ blocks: [[UInt8]], byteCount: Int, digest: ContentDigest) {
        self.blocks = blocks
        self.byteCount = byteCount
        self.digest = digest
    }

    /// Whether nothing of it was given back.
    var isWhole: Bool { firstBlock == 0 }

    /// - Parameter range: None of it was released.
    func bytes(_ range: Range<Int>) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(range.count)
        var offset = range.lowerBound
        while offset < range.upperBound {
            let block = offset / PartAssembly.blockBytes
            let start = offset - block * PartAssembly.blockBytes
            let end = min(start + range.upperBound - offset, PartAssembly.blockBytes)
            result += blocks[block][start..<end]
            offset += end - start
        }
        return result
    }

    /// Gives back the blocks before this byte.
    func release(before offset: Int) {
        while firstBlock < min(offset / PartAssembly.blockBytes, blocks.count) {
            blocks[firstBlock] = []
            firstBlock += 1
        }
    }
}

/// Collects the ciphertext of one sealed part from chunks that the host gives in order, and accepts it only if it has the
/// size and the digest that the manifest core lists.
struct PartAssembly {
    /// A part is held in blocks of so many bytes, the last of fewer.
    static let blockBytes = 1 << 20

    private let expected: ManifestCore.Part
    private var blocks: [[UInt8]] = []
    private var byteCount = 0
    private var hash = SHA256()

    /// The whole part, once it is there.
    private(set) var whole: ReceivedPart?

    /// - Throws: ``EnclaveRefusal`` (partRefused) for a part that is missing in the core or over the limit.
    init(_ expected: ManifestCore.Part?, limit: Int) throws(EnclaveRefusal) {
        guard let expected, expected.byteCount <= limit else { throw EnclaveRefusal(.partRefused) }
        self.expected = expected
    }

    /// - Throws: ``EnclaveRefusal`` (partRefused) for another size than the core's, or a chunk that is empty, out of order
    ///   or too long; then what was collected stays. For another digest; then nothing stays.
    mutating func append(_ chunk: [UInt8], offset: UInt64, totalBytes: UInt64) throws(EnclaveRefusal) {
        guard whole == nil, totalBytes == UInt64(expected.byteCount), offset == UInt64(byteCount), !chunk.isEmpty,
            chunk.count <= expected.byteCount - byteCount
        else { throw EnclaveRefusal(.partRefused) }
        hash.update(data: chunk)
        var rest = chunk[...]
        while !rest.isEmpty {
            if byteCount % Self.blockBytes == 0 {
                blocks.append([])
                blocks[blocks.count - 1].reserveCapacity(min(Self.blockBytes, expected.byteCount - byteCount))
            }
            let part = rest.prefix(Self.blockBytes - byteCount % Self.blockBytes)
            blocks[blocks.count - 1] += part
            byteCount += part.count
            rest = rest.dropFirst(part.count)
        }
        guard byteCount == expected.byteCount else { return }
        let found = ContentDigest(bytes: Defence.partDigest.isInPlace ? Array(hash.finalize()) : expected.digest)
        let received = blocks
        (blocks, byteCount, hash) = ([], 0, SHA256())
        guard let found, found.bytes == expected.digest else { throw EnclaveRefusal(.partRefused) }
        whole = ReceivedPart(received, byteCount: expected.byteCount, digest: found)
    }
}
