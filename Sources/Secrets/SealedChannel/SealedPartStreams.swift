// SPDX-License-Identifier: Apache-2.0
internal import SecretMemory
package import Tensors

// Parts of any size, encrypted and decrypted in pieces.

/// Seals a part whose plaintext arrives in pieces. ``SealedPart`` decrypts the result.
package struct SealedPartSealer {
    /// Bytes of the file.
    package let sealedByteCount: Int
    private let header: SealedPart.Header
    private let cipher: SealedPart.ChunkCipher
    /// Plaintext that does not fill a chunk yet.
    private var pending: [UInt8] = []
    private var chunk = 0

    /// - Parameters:
    ///   - byteCount: Of the plaintext.
    ///   - context: SHA-256 of the manifest core with zeros in place of all digests.
    ///   - emit: Takes the file's first bytes.
    /// - Throws: ``SealedChannelError`` (`invalidValue`) over ``SealedPart/maximumByteCount``, and what `emit` throws.
    package init(
        byteCount: Int, as name: SealedPart.Name, modelKey: ModelKey, context: ContentDigest,
        _ emit: ([UInt8]) throws(SealedChannelError) -> Void
    ) throws(SealedChannelError) {
        var generator = SystemRandomNumberGenerator()
        let seed = (0..<SealedPart.Header.seedByteCount).map { _ in generator.next() as UInt8 }
        try self.init(
            byteCount: byteCount, as: name, modelKey: modelKey, context: context,
            chunkByteCount: SealedPart.chunkByteCount, seed: seed, emit)
    }

    /// With a given chunk size and seed, for vectors.
    init(
        byteCount: Int, as name: SealedPart.Name, modelKey: ModelKey, context: ContentDigest, chunkByteCount: Int,
        seed: [UInt8], _ emit: ([UInt8]) throws(SealedChannelError) -> Void
    ) throws(SealedChannelError) {
        guard byteCount <= SealedPart.maximumByteCount, SealedPart.chunkSizes.contains(chunkByteCount),
            seed.count == SealedPart.Header.seedByteCount
        else {
            throw SealedChannelError(
                .invalidValue, "part '\(name)': \(byteCount) bytes, the limit is \(SealedPart.maximumByteCount)")
        }
        header = SealedPart.Header(chunkByteCount: chunkByteCount, byteCount: byteCount, name: name, seed: seed)
        cipher = SealedPart.ChunkCipher(header, modelKey: modelKey, context: context)
        sealedByteCount = header.sealedByteCount
        try emit(header.bytes)
    }

    /// Takes the next plaintext, and gives the chunks that it completes.
    ///
    /// - Throws: ``SealedChannelError``: `invalidValue` for more bytes than were announced, `cryptography`, and what `emit`
    ///   throws.
    package mutating func seal(
        _ bytes: UnsafeRawBufferPointer, _ emit: ([UInt8]) throws(SealedChannelError) -> Void
    ) throws(SealedChannelError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            guard chunk < header.chunkCount else { throw wrongSize }
            let wanted = header.plaintext(of: chunk).count
            if pending.isEmpty, rest.count >= wanted {
                try emit(try cipher.seal(UnsafeRawBufferPointer(rebasing: rest.prefix(wanted)), index: chunk))
                rest = rest.dropFirst(wanted)
                chunk += 1
                continue
            }
            let part = rest.prefix(wanted - pending.count)
            pending.append(contentsOf: part)
            rest = rest.dropFirst(part.count)
            if pending.count == wanted { try sealPending(emit) }
        }
    }

    /// - Throws: ``SealedChannelError``: `invalidValue` for fewer bytes than were announced, `cryptography`, and what `emit`
    ///   throws.
    package mutating func finish(_ emit: ([UInt8]) throws(SealedChannelError) -> Void) throws(SealedChannelError) {
        // An empty plaintext has one empty chunk.
        if header.byteCount == 0, chunk == 0 { try sealPending(emit) }
        guard chunk == header.chunkCount else { throw wrongSize }
    }

    private mutating func sealPending(
        _ emit: ([UInt8]) throws(SealedChannelError) -> Void
    ) throws(SealedChannelError) {
        let (plaintext, index, cipher) = (pending, chunk, cipher)
        let sealed = try plaintext.span.withUnsafeBytes { (bytes) throws(SealedChannelError) in
            try cipher.seal(bytes, index: index)
        }
        pending.removeAll(keepingCapacity: true)
        chunk += 1
        try emit(sealed)
    }

    private var wrongSize: SealedChannelError {
        SealedChannelError(.invalidValue, "part '\(header.name)': another size than \(header.byteCount) bytes")
    }
}

/// Decrypts a part chunk by chunk on demand. A chunk is authenticated, with its position, before any of its bytes is
/// returned; ``authenticate()`` checks all chunks in advance.
package final class SealedPartOpener: ByteSource {
    package var byteCount: Int { header.byteCount }
    private let header: SealedPart.Header
    private let cipher: SealedPart.ChunkCipher
    private let sealed: (Range<Int>) -> [UInt8]
    private var offset = 0
    /// The incomplete chunk, and its number.
    private var window: SecretBytes?
    private var windowChunk = -1

    /// - Parameters:
    ///   - sealedByteCount: Of the file.
    ///   - sealed: Returns a range of the file. Ranges are requested in ascending order; ``authenticate()`` requests
    ///     all of them again, from the start.
    /// - Throws: ``SealedChannelError`` of ``SealedPart/open(_:as:modelKey:context:)``, but for altered bytes.
    package init(
        sealedByteCount: Int, as name: SealedPart.Name, modelKey: ModelKey, context: ContentDigest,
        sealed: @escaping (Range<Int>) -> [UInt8]
    ) throws(SealedChannelError) {
        let start = sealed(0..<min(SealedPart.Header.byteCount, sealedByteCount))
        header = try SealedPart.Header(start.span.bytes, expecting: name, sealedByteCount: sealedByteCount)
        cipher = SealedPart.ChunkCipher(header, modelKey: modelKey, context: context)
        self.sealed = sealed
    }

    /// Opens every chunk and keeps none.
    ///
    /// - Throws: ``SealedChannelError`` (`undecryptable`).
    package func authenticate() throws(SealedChannelError) {
        for chunk in 0..<header.chunkCount { _ = try opened(chunk) }
    }

    package func fill(_ target: UnsafeMutableRawBufferPointer) throws(TensorError) {
        do throws(SealedChannelError) {
            var rest = UnsafeMutableRawBufferPointer(rebasing: target[...])
            while !rest.isEmpty {
                guard offset < header.byteCount else {
                    throw SealedChannelError(.damagedPart, "part '\(header.name)' has no more bytes")
                }
                let chunk = offset / header.chunkByteCount
                let place = header.plaintext(of: chunk)
                let count = min(place.upperBound - offset, rest.count)
                let part = UnsafeMutableRawBufferPointer(rebasing: rest[..<count])
                if count == place.count {
                    try open(chunk, into: part)
                } else {
                    if windowChunk != chunk {
                        window = try opened(chunk)
                        windowChunk = chunk
                    }
                    let start = offset - place.lowerBound
                    window?.withBytes {
                        part.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[start..<start + count]))
                    }
                }
                offset += count
                rest = UnsafeMutableRawBufferPointer(rebasing: rest[count...])
            }
        } catch { throw TensorError(.malformed, error.message) }
    }

    private func opened(_ chunk: Int) throws(SealedChannelError) -> SecretBytes {
        try SecretBytes(count: header.plaintext(of: chunk).count) { (target) throws(SealedChannelError) in
            try open(chunk, into: target)
        }
    }

    private func open(_ chunk: Int, into target: UnsafeMutableRawBufferPointer) throws(SealedChannelError) {
        try cipher.open(sealed(header.sealed(chunk)).span.bytes, index: chunk, into: target)
    }
}
