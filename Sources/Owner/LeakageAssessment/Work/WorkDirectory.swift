internal import FoundationEssentials

/// A folder of finished pieces of an assessment, so that an interrupted one goes on where it was. Several threads and
/// processes may use one: a piece appears complete or not at all.
package struct WorkDirectory: Sendable {
    /// `nil` keeps nothing.
    package let path: String?
    /// Folders of other processes' pieces, which are only read.
    private let others: [String]

    private init(path: String?, others: [String]) {
        self.path = path
        self.others = others
    }

    /// Keeps nothing.
    package static let none = WorkDirectory(path: nil, others: [])

    /// The folder is made with the first piece; its parent may be missing too.
    ///
    /// - Parameter others: Searched for pieces that `path` lacks.
    /// - Throws: ``AssessmentError`` `.file` when one of them is no folder, is another user's or may be written by others.
    package init(_ path: String, others: [String] = []) throws(AssessmentError) {
        for folder in [path] + others { try PrivateFolder.check(folder) }
        self.init(path: path, others: others)
    }

    /// The kept result, or what `compute` gives, which is then kept. A piece that is damaged, of other inputs or of another
    /// version is computed again.
    ///
    /// - Throws: What `compute` throws; ``AssessmentError`` `.file` when the piece cannot be written.
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

    /// `nil` when there is no sound piece.
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

    /// Whether a folder has pieces and nothing else, so that it may be removed.
    package static func holdsOnlyPieces(_ path: String) -> Bool {
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: path) else { return false }
        return names.allSatisfy(isOurs)
    }

    private static func isOurs(_ name: String) -> Bool { Piece.isOurs(name) || ShardRecord.isOurs(name) }

    /// Removes the pieces, and the folder when nothing else is in it.
    package func remove() {
        guard let path else { return }
        let manager = FileManager.default
        for name in (try? manager.contentsOfDirectory(atPath: path)) ?? [] where Self.isOurs(name) {
            try? manager.removeItem(atPath: "\(path)/\(name)")
        }
        PrivateFolder.removeIfEmpty(path)
    }
}
