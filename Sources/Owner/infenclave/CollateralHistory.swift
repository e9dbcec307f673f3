import Attestation
import Foundation

/// The newest date of each piece of collateral that was verified, in a file. A host that serves collateral of before a
/// revocation is found out by it, as long as this user saw newer collateral once.
struct CollateralHistory {
    /// Some thousand platforms.
    private static let maximumBytes = 1 << 20

    private struct File: Codable {
        var version = 1
        /// ISO 8601 by the names of ``Claims/collateralDates``.
        var dates: [String: String]
    }

    private let path: String

    /// - Parameter path: `nil` is `collateral-dates.json` in the user's state folder.
    init(_ path: String?) throws {
        self.path = try path ?? StateFolder.file("collateral-dates.json")
    }

    /// - Throws: ``CommandFailure`` when there is a file that cannot be read: to go on without would be to forget.
    func dates() throws -> [String: Timestamp] {
        guard FileManager.default.fileExists(atPath: path) else { return [:] }
        let json = try InputFile.read(path, maximumBytes: Self.maximumBytes)
        guard let file = try? JSONDecoder().decode(File.self, from: json), file.version == 1 else { throw damaged }
        return try file.dates.mapValues { text in
            guard let date = Timestamp(iso8601: text) else { throw damaged }
            return date
        }
    }

    private var damaged: CommandFailure {
        CommandFailure(
            "file", "\(path) is not a list of collateral dates",
            remedy: "restore it; or remove it, and older collateral will be taken once more")
    }

    /// Keeps the newer of each old and new date. The file is replaced as a whole.
    func remember(_ new: [String: Timestamp]) throws {
        let old = try dates()
        let merged = old.merging(new) { max($0, $1) }
        guard merged != old else { return }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try OutputFile.write(try encoder.encode(File(dates: merged.mapValues(\.description))) + [0x0A], to: path)
    }
}
