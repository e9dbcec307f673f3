// SPDX-License-Identifier: Apache-2.0
import Crypto
import Foundation
import InfenclaveClient
import Partitioning

/// Reads whole files that the user named.
enum InputFile {
    /// The file is opened once, following links; pipes and devices are refused. Its size is checked before anything is
    /// read. A file that changes meanwhile is refused; with a memory mapping it would end the process.
    ///
    /// - Throws: ``CommandFailure`` that names the file and the fault. A Git LFS pointer is refused.
    static func read(_ path: String, maximumBytes: Int = 1 << 32) throws -> Data {
        let file = try open(path)
        guard file.byteCount <= maximumBytes else {
            throw CommandFailure("file", "\(path) has \(file.byteCount) bytes, the limit is \(maximumBytes)")
        }
        guard file.byteCount > 0 else { return Data() }
        guard let memory = malloc(file.byteCount) else {
            throw CommandFailure("file", "\(path): \(file.byteCount) bytes of memory are not available")
        }
        do throws(PartitioningError) {
            try file.read(into: UnsafeMutableRawBufferPointer(start: memory, count: file.byteCount))
        } catch {
            free(memory)
            throw CommandFailure("file", error.message)
        }
        let bytes = Data(bytesNoCopy: memory, count: file.byteCount, deallocator: .free)
        guard !bytes.starts(with: "version https://git-lfs".utf8) else {
            throw CommandFailure(
                "file", "\(path) is a Git LFS pointer, not the file itself", remedy: "run `git lfs pull`")
        }
        return bytes
    }

    /// Adds a file to a digest, in chunks.
    static func update(_ digest: inout SHA256, with path: String) throws {
        let file = try open(path)
        do throws(PartitioningError) { try file.update(&digest) } catch {
            throw CommandFailure("file", error.message)
        }
    }

    private static func open(_ path: String) throws -> RegularFile {
        do throws(PartitioningError) {
            return try RegularFile(opening: path, followsLink: true, label: path)
        } catch { throw CommandFailure("file", error.message, remedy: "check the path") }
    }
}

/// Writes whole files atomically: a reader sees the old content or the new, never a part.
enum OutputFile {
    /// - Throws: ``CommandFailure`` when the folder is missing or not writable, or the disk is full.
    static func write(_ bytes: some Sequence<UInt8>, to path: String) throws {
        let url = URL(filePath: path)
        let temporary = url.deletingLastPathComponent().appending(
            path: ".\(url.lastPathComponent).\(UUID().uuidString.prefix(8))")
        do {
            try Data(bytes).write(to: temporary)
            guard rename(temporary.path, url.path) == 0 else {
                throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO)
            }
        } catch {
            try? FileManager.default.removeItem(at: temporary)
            throw CommandFailure(
                "file", "\(path) cannot be written\(SystemReason.suffix(of: error))",
                remedy: "check that its folder exists, is writable and has space")
        }
    }
}
