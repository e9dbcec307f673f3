// SPDX-License-Identifier: Apache-2.0
import Foundation

/// `$XDG_STATE_HOME/infenclave`, created if it is missing.
package enum StateFolder {
    /// - Throws: ``ClientError`` `.unusableFile`.
    package static func file(_ name: String) throws(ClientError) -> String {
        let environment = ProcessInfo.processInfo.environment
        let state =
            environment["XDG_STATE_HOME"].flatMap { $0.isEmpty ? nil : URL(filePath: $0) }
            ?? FileManager.default.homeDirectoryForCurrentUser.appending(path: ".local/state")
        let folder = state.appending(path: "infenclave")
        do {
            try FileManager.default.createDirectory(
                at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw ClientError(
                .unusableFile, "\(folder.path) cannot be made\(SystemReason.suffix(of: error))",
                remedy: "set XDG_STATE_HOME to a folder that is writable"
            )
        }
        return folder.appending(path: name).path
    }
}
