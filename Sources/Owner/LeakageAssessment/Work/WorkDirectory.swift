// SPDX-License-Identifier: Apache-2.0
internal import FoundationEssentials

/// A folder of stored results of an assessment, so that an interrupted one can resume. Several threads and processes
/// may use one: a result appears complete or not at all.
package struct WorkDirectory: Sendable {
    /// `nil` stores nothing.
    package let path: String?
    /// Folders with other processes' results, which are only read.
    private let others: [String]

    private init(path: String?, others: [String]) {
        self.path = path
        self.others = others
    }

    /// Stores nothing.
    package static let none = WorkDirectory(path: nil, others: [])

    /// The folder is created with the first result; its parent may be missing too.
    ///
    /// - Parameter others: Searched for results that `path` lacks.
    /// - Throws: ``AssessmentError`` `.file` when one of them is no folder, belongs to another user or may be written
    ///   by others.
    package init(_ path: String, others: [String] = []) throws(AssessmentError) {
        for folder in [path] + others { try PrivateFolder.check(folder) }
        self.init(path: path, others: others)
    }

    /// The stored result, or that of `compute`, which is then stored. A result that is damaged, of other inputs or of
    /// another version is computed again.
    ///
    /// - Throws: What `compute` throws; ``AssessmentError`` `.file` when the result cannot be written.
    package func result<Result: Codable>(
        of key: WorkKey, compute: () throws(AssessmentError) -> Result
    ) throws(AssessmentError) -> Result {
        guard let path else { return try compute() }
        if let known = kept(key, as: Result.self) { return known }
        let result = try compute()
        let encoder = PropertyListEncoder()
        encoder.outputFormat = .binary
        let payload: Data
        do { payload = try encoder.encode(result) } catch {
            throw AssessmentError(.file, "\(key.name): the result cannot be encoded")
        }
        try Piece.write(payload, of: key, to: path)
        return result
    }

    /// The stored result; `nil` if there is no intact one.
    package func kept<Result: Codable>(_ key: WorkKey, as type: Result.Type) -> Result? {
        for folder in (path.map { [$0] } ?? []) + others {
            if let payload = Piece.payload(of: key, in: folder),
                let result = try? PropertyListDecoder().decode(type, from: payload)
            {
                return result
            }
        }
        return nil
    }

    /// Whether a folder has stored results and nothing else, so that it may be removed.
    package static func holdsOnlyPieces(_ path: String) -> Bool {
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: path) else { return false }
        return names.allSatisfy(isOurs)
    }

    private static func isOurs(_ name: String) -> Bool { Piece.isOurs(name) || ShardRecord.isOurs(name) }

    /// Removes the results, and the folder if nothing else is in it.
    package func remove() {
        guard let path else { return }
        let manager = FileManager.default
        for name in (try? manager.contentsOfDirectory(atPath: path)) ?? [] where Self.isOurs(name) {
            try? manager.removeItem(atPath: "\(path)/\(name)")
        }
        PrivateFolder.removeIfEmpty(path)
    }
}
