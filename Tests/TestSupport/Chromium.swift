// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The checks of the browser client, `Clients/web/tests/check.py`, in headless Chromium.
package enum Chromium {
    /// Where Chromium is, if Python 3 is there too.
    package static let path: String? = {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        func path(_ name: String) -> String? {
            folders.map { "\($0)/\(name)" }.first { FileManager.default.isExecutableFile(atPath: $0) }
        }
        guard path("python3") != nil else { return nil }
        return ["chromium", "chromium-browser", "google-chrome"].lazy.compactMap(path).first
    }()

    /// The script's output, on both streams.
    ///
    /// - Parameter arguments: What is checked, and with which files.
    package static func check(_ arguments: [String]) throws -> String {
        // Tests/TestSupport/Chromium.swift in the package.
        let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments =
            ["python3", package.appending(path: "Clients/web/tests/check.py").path] + arguments
            + (path.map { ["--chromium", $0] } ?? [])
        (process.standardOutput, process.standardError) = (output, output)
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let said = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return String(decoding: said, as: UTF8.self)
    }
}
