// SPDX-License-Identifier: Apache-2.0
internal import SecretMemory

/// The text files that hold 32 or 48 secret bytes: one line, a prefix that names purpose and version, base64, line feed.
///
/// The bytes pass between file and memory in ``SecretBytes`` only. Two copies are beyond control: swift-crypto keeps
/// keys in memory that it wipes but does not lock, and the kernel's page cache holds the file.
struct KeyFileFormat {
    static let secretByteCount = 32

    let prefix: String
    /// The content of the file, for errors.
    let subject: String
    /// How many bytes are secret.
    var byteCount = secretByteCount

    static let modelKey = KeyFileFormat(prefix: Labels.modelKeyFile, subject: "a model key")
    static let ownerKey = KeyFileFormat(prefix: Labels.ownerKeyFile, subject: "an owner's key")
    static let token = KeyFileFormat(prefix: Labels.tokenFile, subject: "an access token")
    static let imageKey = KeyFileFormat(
        prefix: Labels.imageKeyFile, subject: "a key that signs images", byteCount: ImageSigningKey.byteCount)

    private var lineByteCount: Int { prefix.utf8.count + Base64.encodedByteCount(byteCount) }

    func serialized(_ secret: RawSpan) -> SecretBytes {
        SecretBytes(count: lineByteCount + 1) { target in
            target.copyBytes(from: prefix.utf8)
            let encoded = UnsafeMutableRawBufferPointer(rebasing: target[prefix.utf8.count..<lineByteCount])
            secret.withUnsafeBytes { Base64.encode($0, into: encoded) }
            target[lineByteCount] = UInt8(ascii: "\n")
        }
    }

    func parse(_ file: RawSpan) throws(SealedChannelError) -> SecretBytes {
        try file.withUnsafeBytes { (bytes) throws(SealedChannelError) in
            let ending = bytes.dropFirst(lineByteCount)
            guard bytes.count >= lineByteCount, ending.isEmpty || ending.elementsEqual([UInt8(ascii: "\n")]),
                bytes.starts(with: prefix.utf8)
            else { throw invalid() }
            let encoded = UnsafeRawBufferPointer(rebasing: bytes[prefix.utf8.count..<lineByteCount])
            return try SecretBytes(count: byteCount) { (target) throws(SealedChannelError) in
                guard Base64.decode(encoded, into: target) else { throw invalid() }
            }
        }
    }

    private func invalid() -> SealedChannelError {
        SealedChannelError(
            .invalidKeyFile,
            "this is not \(subject): expected one line '\(prefix)' and \(Base64.encodedByteCount(byteCount)) characters of base64"
        )
    }

    func read(_ path: String) throws(SealedChannelError) -> SecretBytes {
        try Self.read(path) { (file) throws(SealedChannelError) in try parse(file) }
    }

    /// Reads a file that only its owner may read, and parses it; errors name the file.
    static func read(
        _ path: String, _ parse: (RawSpan) throws(SealedChannelError) -> SecretBytes
    ) throws(SealedChannelError) -> SecretBytes {
        let file: SecretBytes
        do throws(SecretMemoryError) {
            file = try SecretFile.read(path, maximumBytes: 4096)
        } catch {
            throw SealedChannelError(.invalidKeyFile, error.message)
        }
        do throws(SealedChannelError) {
            return try parse(file.bytes)
        } catch {
            throw SealedChannelError(error.code, "'\(path)': \(error.message)")
        }
    }

    func write(_ secret: RawSpan, to path: String, overwriting: Bool) throws(SealedChannelError) {
        let file = serialized(secret)
        do throws(SecretMemoryError) {
            try SecretFile.write(file.bytes, to: path, overwriting: overwriting)
        } catch {
            throw SealedChannelError(.invalidKeyFile, error.message)
        }
    }
}
