import Foundation

/// Reads whole files that the user named.
enum InputFile {
    /// - Throws: ``CommandFailure`` that names the file and what is wrong with it.
    static func read(_ path: String, maximumBytes: Int = 1 << 32) throws -> Data {
        let url = URL(filePath: path)
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
            throw CommandFailure("file", "\(path): there is no such file", remedy: "check the path")
        }
        guard !isDirectory.boolValue else {
            throw CommandFailure("file", "\(path) is a folder, expected a file", remedy: "name a file in it")
        }
        let size = (try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int) ?? 0
        guard size <= maximumBytes else {
            throw CommandFailure("file", "\(path) has \(size) bytes, the limit is \(maximumBytes)")
        }
        do { return try Data(contentsOf: url, options: .mappedIfSafe) } catch {
            throw CommandFailure("file", "\(path) cannot be read", remedy: "check its permissions")
        }
    }
}

/// Writes whole files so that a reader sees the old content or the new, never a part.
enum OutputFile {
    /// - Throws: ``CommandFailure`` when the folder is missing or not writable, or the disk is full.
    static func write(_ bytes: some Sequence<UInt8>, to path: String) throws {
        let url = URL(filePath: path)
        let temporary = url.deletingLastPathComponent().appending(
            path: ".\(url.lastPathComponent).\(UUID().uuidString.prefix(8))")
        do {
            try Data(bytes).write(to: temporary)
            guard rename(temporary.path, url.path) == 0 else { throw CocoaError(.fileWriteUnknown) }
        } catch {
            try? FileManager.default.removeItem(at: temporary)
            throw CommandFailure(
                "file", "\(path) cannot be written", remedy: "check that its folder exists, is writable and has space")
        }
    }
}
