// SPDX-License-Identifier: Apache-2.0
internal import FoundationEssentials
internal import Glibc
import StrictJSON

/// States that a shard's results are complete, and its inputs: `shard-I-of-N.json` in the same folder.
package struct ShardRecord: Codable, Sendable, Hashable {
    package let shard: Shard
    /// A digest per kind of input.
    let inputs: [String: String]
    /// Threads of the engine, with which costs were measured.
    package let threads: Int
    /// What the caller needs to describe the same assessment again.
    package let note: [String]

    private static func fileName(_ shard: Shard) -> String { "shard-\(shard.index)-of-\(shard.count).json" }
    private static let maximumBytes = 1 << 20

    static func isOurs(_ name: String) -> Bool { name.hasPrefix("shard-") && name.hasSuffix(".json") }

    /// - Throws: ``AssessmentError`` `.file`.
    func write(to folder: String) throws(AssessmentError) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let path = "\(folder)/\(Self.fileName(shard))"
        do { try encoder.encode(self).write(to: URL(filePath: path), options: .atomic) } catch {
            let code = ((error as? CocoaError)?.underlying as? POSIXError)?.code ?? .EIO
            throw PrivateFolder.failure(path, "it cannot be written", code.rawValue)
        }
    }

    /// - Throws: ``AssessmentError`` `.file` when the folder has no record or one that is damaged.
    private static func read(from folder: String) throws(AssessmentError) -> [ShardRecord] {
        try PrivateFolder.check(folder)
        let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter(isOurs).sorted()
        guard !names.isEmpty else {
            throw AssessmentError(.file, "\(folder): no complete shard is in it; run its command to the end first")
        }
        var records: [ShardRecord] = []
        for name in names {
            guard let data = bytes(of: "\(folder)/\(name)"),
                let record = try? ShardRecord(strictlyDecoding: Array(data), name: name),
                fileName(record.shard) == name
            else { throw AssessmentError(.file, "\(folder)/\(name): it is damaged; run the shard's command again") }
            records.append(record)
        }
        return records
    }

    /// A regular file of at most ``maximumBytes``, which is checked before reading; `nil` for anything else.
    private static func bytes(of path: String) -> Data? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
            (0...maximumBytes).contains(Int(status.st_size))
        else { return nil }
        var bytes = Data(count: Int(status.st_size))
        return bytes.withUnsafeMutableBytes { Descriptor.read(descriptor, into: $0, at: 0) } ? bytes : nil
    }

    /// The records of all shards of one assessment, in the order of their indices.
    ///
    /// - Throws: ``AssessmentError`` `.file` when a shard is missing, is there twice or has other inputs.
    package static func all(in folders: [String]) throws(AssessmentError) -> [ShardRecord] {
        var found: [(record: ShardRecord, folder: String)] = []
        for folder in folders {
            for record in try read(from: folder) {
                if let first = found.first { try record.checkSame(as: first.record, folder, first.folder) }
                if let twin = found.first(where: { $0.record.shard == record.shard }) {
                    throw AssessmentError(
                        .file, "shard \(record.shard) is in \(twin.folder) and in \(folder): give it once")
                }
                found.append((record, folder))
            }
        }
        guard let count = found.first?.record.shard.count else {
            throw AssessmentError(.file, "no folder of a shard was given")
        }
        let missing = Set(1...count).subtracting(found.map(\.record.shard.index)).sorted()
        guard missing.isEmpty else {
            throw AssessmentError(
                .file,
                "of \(count) shards \(missing.map(String.init).joined(separator: ", ")) "
                    + (missing.count == 1 ? "is missing" : "are missing"))
        }
        return found.map(\.record).sorted { $0.shard.index < $1.shard.index }
    }

    private func checkSame(
        as other: ShardRecord, _ folder: String, _ otherFolder: String
    ) throws(AssessmentError) {
        guard shard.count == other.shard.count else {
            throw AssessmentError(
                .file, "\(folder) has a shard of \(shard.count), \(otherFolder) one of \(other.shard.count)")
        }
        if let kind = difference(from: other.inputs) {
            throw AssessmentError(.file, "\(folder) and \(otherFolder) are of different inputs: \(kind)")
        }
    }

    /// The first kind of input that differs; `nil` when all are equal.
    func difference(from other: [String: String]) -> String? {
        Set(inputs.keys).union(other.keys).sorted().first { inputs[$0] != other[$0] }
    }
}
