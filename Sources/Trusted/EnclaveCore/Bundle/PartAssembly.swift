import Wire

/// Collects the ciphertext of one sealed part from chunks that the host gives in order.
struct PartAssembly {
    private var bytes: [UInt8] = []
    private var totalBytes: Int?

    /// The whole part, once it is there.
    var whole: [UInt8]? { bytes.count == totalBytes ? bytes : nil }

    /// - Throws: ``EnclaveRefusal`` (partRefused) for a part over the limit, a total that changes, or a chunk that is
    ///   empty, out of order or too long. What was collected stays.
    mutating func append(
        _ chunk: [UInt8], offset: UInt64, totalBytes claimed: UInt64, limit: Int
    ) throws(EnclaveRefusal) {
        guard let claimed = Int(exactly: claimed), claimed <= limit, totalBytes == nil || totalBytes == claimed,
            offset == UInt64(bytes.count), !chunk.isEmpty, chunk.count <= claimed - bytes.count
        else { throw EnclaveRefusal(.partRefused) }
        totalBytes = claimed
        bytes.append(contentsOf: chunk)
    }
}
