// SPDX-License-Identifier: Apache-2.0
package import Attestation
import Foundation
import StrictJSON
import Synchronization

/// The dates of the collateral that a client has verified. They expose a host that serves collateral from before a
/// revocation, if this client once saw newer collateral.
public struct CollateralHistory: Sendable {
    private final class Memory: Sendable {
        let records = Mutex<[String: CollateralRecord]>([:])
    }

    private enum Store: Sendable {
        case memory(Memory)
        case file(String)
    }

    /// Some thousand platforms.
    private static let maximumBytes = 1 << 20

    private let store: Store

    /// A history in memory, kept as long as a client lives.
    public static func inMemory() -> CollateralHistory { CollateralHistory(store: .memory(Memory())) }

    /// A history in a file that several processes may share. The file is made when there is something to keep.
    public static func file(_ path: String) -> CollateralHistory { CollateralHistory(store: .file(path)) }

    /// The file that the command line of this user keeps, `infenclave/collateral-dates.json` in the state folder.
    ///
    /// - Throws: ``ClientError`` `.unusableFile`.
    public static func ofUser() throws(ClientError) -> CollateralHistory {
        .file(try StateFolder.file("collateral-dates.json"))
    }

    /// - Throws: ``ClientError`` `.unusableFile` if the file exists and cannot be read, because continuing without it
    ///   would forget the records.
    package func seen() throws(ClientError) -> [String: CollateralRecord] {
        switch store {
        case .memory(let memory): memory.records.withLock { $0 }
        case .file(let path): try Self.read(path)
        }
    }

    /// Keeps the newer of each old and new record. A file is replaced as a whole, and a lock keeps other processes from
    /// changing it between reading and writing.
    ///
    /// - Throws: ``ClientError`` `.unusableFile`.
    package func remember(_ new: [String: CollateralRecord]) throws(ClientError) {
        guard !new.isEmpty else { return }
        switch store {
        case .memory(let memory): memory.records.withLock { $0.merge(new) { $0.merged(with: $1) } }
        case .file(let path):
            let lock = try FileLock(path + ".lock")
            defer { lock.release() }
            let old = try Self.read(path)
            let merged = old.merging(new) { $0.merged(with: $1) }
            if merged != old { try Self.write(merged, to: path) }
        }
    }

    private static func read(_ path: String) throws(ClientError) -> [String: CollateralRecord] {
        let json: Data
        do throws(BoundedFile.Fault) {
            json = try BoundedFile.contents(of: path, maximumBytes: maximumBytes)
        } catch {
            if error.isMissingFile { return [:] }
            throw ClientError(
                .unusableFile, "\(path) cannot be read\(error.suffix)",
                remedy: "correct that, or remove the file: older collateral is then accepted again")
        }
        guard let seen = (try? CollateralHistoryFile(strictlyDecoding: Array(json), name: path))?.seen else {
            throw ClientError(
                .unusableFile, "\(path) is not a list of collateral that was seen",
                remedy: "restore it, or remove it: older collateral is then accepted again")
        }
        return seen
    }

    private static func write(_ records: [String: CollateralRecord], to path: String) throws(ClientError) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        do {
            try (try encoder.encode(CollateralHistoryFile(records)) + [0x0A])
                .write(to: URL(filePath: path), options: .atomic)
        } catch {
            throw ClientError(
                .unusableFile, "\(path) cannot be written\(SystemReason.suffix(of: error))",
                remedy: "check that its folder exists, is writable and has space")
        }
    }
}

/// The file of a ``CollateralHistory``.
private struct CollateralHistoryFile: Codable {
    var version = 1
    /// ISO 8601 by the names of ``Claims/collateral``.
    var dates: [String: String]
    var evaluationDataNumbers: [String: Int]?

    init(_ seen: [String: CollateralRecord]) {
        dates = seen.mapValues(\.date.description)
        evaluationDataNumbers = seen.compactMapValues(\.evaluationDataNumber)
    }

    /// - Returns: `nil` if it contains anything but dates and numbers.
    var seen: [String: CollateralRecord]? {
        let numbers = evaluationDataNumbers ?? [:]
        var seen: [String: CollateralRecord] = [:]
        for (name, text) in dates {
            guard let date = Timestamp(iso8601: text) else { return nil }
            seen[name] = CollateralRecord(date: date, evaluationDataNumber: numbers[name])
        }
        return version == 1 && numbers.keys.allSatisfy { dates[$0] != nil } ? seen : nil
    }
}
