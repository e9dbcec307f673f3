// SPDX-License-Identifier: Apache-2.0
import Foundation
import InfenclaveClient

/// The folder of a trial. An earlier trial in it is replaced; nothing else is ever removed.
struct TrialFolder {
    private let path: String
    /// The names of a trial's files and folders.
    private let names: [String]

    init(_ path: String, holding names: [String]) {
        self.path = path
        self.names = names
    }

    /// Removes an earlier trial and creates the folder.
    ///
    /// - Throws: ``CommandFailure`` when it holds anything else, or cannot be created.
    func prepared() throws -> URL {
        let folder = URL(filePath: path)
        let manager = FileManager.default
        if manager.fileExists(atPath: folder.path) {
            let strangers = ((try? manager.contentsOfDirectory(atPath: folder.path)) ?? ["?"]).filter {
                !names.contains($0)
            }
            guard strangers.isEmpty else {
                throw CommandFailure(
                    "file", "\(path) holds \(strangers[0]), which no earlier trial wrote",
                    remedy: "name another folder with --out DIR")
            }
            try manager.removeItem(at: folder)
        }
        do {
            try manager.createDirectory(
                at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw CommandFailure(
                "file", "\(path) cannot be made\(SystemReason.suffix(of: error))",
                remedy: "name another folder with --out DIR")
        }
        return folder
    }

    /// A path as a user would type it.
    static func asTyped(_ url: URL) -> String {
        let current = FileManager.default.currentDirectoryPath + "/"
        return url.path.hasPrefix(current) ? String(url.path.dropFirst(current.count)) : url.path
    }
}
