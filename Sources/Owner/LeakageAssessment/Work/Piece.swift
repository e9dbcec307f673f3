// SPDX-License-Identifier: Apache-2.0
internal import Crypto
internal import FoundationEssentials
internal import Glibc

/// The file of one stored result: `INFPIECE`, SHA-256 of the key and the payload, payload.
enum Piece {
    private static let magic = Array("INFPIECE".utf8)
    private static let ending = ".piece"
    private static let partialEnding = ".partial"
    /// Limit of the size of a stored result.
    private static let maximumBytes = 1 << 30

    /// Whether a file of this name may be removed with its folder.
    static func isOurs(_ name: String) -> Bool { name.hasSuffix(ending) || name.hasSuffix(partialEnding) }

    /// The payload; `nil` if there is no file with exactly this key or its checksum is wrong.
    static func payload(of key: WorkKey, in folder: String) -> Data? {
        let descriptor = open("\(folder)/\(key.fileName)", O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var status = stat()
        let header = magic.count + SHA256.byteCount
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
            (header...maximumBytes).contains(Int(status.st_size))
        else { return nil }
        var bytes = Data(count: Int(status.st_size))
        let complete = bytes.withUnsafeMutableBytes { Descriptor.read(descriptor, into: $0, at: 0) }
        guard complete, bytes.starts(with: magic) else { return nil }
        let payload = bytes[header...]
        guard Array(bytes[magic.count..<header]) == checksum(key, payload) else { return nil }
        return Data(payload)
    }

    /// Writes under another name, then renames. A power failure may leave a damaged file, which its checksum detects.
    ///
    /// - Throws: ``AssessmentError`` `.file`.
    static func write(_ payload: Data, of key: WorkKey, to folder: String) throws(AssessmentError) {
        try PrivateFolder.make(folder)
        let path = "\(folder)/\(key.fileName)"
        let partial = "\(folder)/.\(key.fileName).\(getpid()).\(UInt64.random(in: 0...UInt64.max))\(partialEnding)"
        let descriptor = open(partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw PrivateFolder.failure(path, "it cannot be written") }
        let bytes = magic + checksum(key, payload)
        let written =
            bytes.withUnsafeBytes { Descriptor.write(descriptor, $0, at: 0) }
            && payload.withUnsafeBytes { Descriptor.write(descriptor, $0, at: bytes.count) }
        let failure = written ? nil : PrivateFolder.failure(path, "it cannot be written")
        guard close(descriptor) == 0, failure == nil, rename(partial, path) == 0 else {
            let failure = failure ?? PrivateFolder.failure(path, "it cannot be written")
            unlink(partial)
            throw failure
        }
    }

    private static func checksum(_ key: WorkKey, _ payload: Data) -> [UInt8] {
        var hash = SHA256()
        hash.update(data: Data("\(key.name)\n\(key.digest)\n".utf8))
        hash.update(data: payload)
        return Array(hash.finalize())
    }
}
