import Evidence
import SealedChannel
import Wire

/// A sealed part with the digest of exactly the bytes that were received.
struct ReceivedPart {
    let bytes: [UInt8]
    let digest: ContentDigest
}

/// Collects the ciphertext of one sealed part from chunks that the host gives in order, and accepts it only if it has the
/// size and the digest that the manifest core lists.
struct PartAssembly {
    private let expected: ManifestCore.Part
    private var bytes: [UInt8] = []

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
        guard whole == nil, totalBytes == UInt64(expected.byteCount), offset == UInt64(bytes.count), !chunk.isEmpty,
            chunk.count <= expected.byteCount - bytes.count
        else { throw EnclaveRefusal(.partRefused) }
        if bytes.isEmpty { bytes.reserveCapacity(expected.byteCount) }
        bytes.append(contentsOf: chunk)
        guard bytes.count == expected.byteCount else { return }
        let found = Defence.partDigest.isInPlace ? ContentDigest(of: bytes) : ContentDigest(bytes: expected.digest)
        let received = bytes
        bytes = []
        guard let found, found.bytes == expected.digest else { throw EnclaveRefusal(.partRefused) }
        let part = ReceivedPart(bytes: received, digest: found)
        whole = part
    }
}
