import Attestation
import Foundation
import StrictJSON

/// How new each piece of collateral was that this user verified, in a file. A host that serves collateral of before a
/// revocation is found out by it, as long as this user saw newer collateral once.
struct CollateralHistory {
    /// Some thousand platforms.
    private static let maximumBytes = 1 << 20

    private struct File: Codable {
        var version = 1
        /// ISO 8601 by the names of ``Claims/collateral``.
        var dates: [String: String]
        var evaluationDataNumbers: [String: Int]?

        init(_ seen: [String: CollateralRecord]) {
            dates = seen.mapValues(\.date.description)
            evaluationDataNumbers = seen.compactMapValues(\.evaluationDataNumber)
        }

        /// - Returns: `nil` when it says something else than dates and numbers.
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

    private let path: String

    /// - Parameter path: `nil` is `collateral-dates.json` in the user's state folder.
    init(_ path: String?) throws {
        self.path = try path ?? StateFolder.file("collateral-dates.json")
    }

    /// - Throws: ``CommandFailure`` when there is a file that cannot be read: to go on without would be to forget.
    func seen() throws -> [String: CollateralRecord] {
        guard FileManager.default.fileExists(atPath: path) else { return [:] }
        let json = try InputFile.read(path, maximumBytes: Self.maximumBytes)
        guard let seen = (try? File(strictlyDecoding: Array(json), name: path))?.seen else {
            throw CommandFailure(
                "file", "\(path) is not a list of collateral that was seen",
                remedy: "restore it; or remove it, and older collateral will be taken once more")
        }
        return seen
    }

    /// Keeps the newer of each old and new record. The file is replaced as a whole, and no other command changes it
    /// between its reading and its writing.
    func remember(_ new: [String: CollateralRecord]) throws {
        guard !new.isEmpty else { return }
        let lock = try FileLock(path + ".lock")
        defer { lock.release() }
        let old = try seen()
        let merged = old.merging(new) { $0.merged(with: $1) }
        guard merged != old else { return }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try OutputFile.write(try encoder.encode(File(merged)) + [0x0A], to: path)
    }
}
