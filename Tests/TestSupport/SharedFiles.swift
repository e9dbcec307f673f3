// SPDX-License-Identifier: Apache-2.0
package import Foundation
package import Tensors

/// Real models, pictures and conformance tests, which are not part of the repository. Tests that need them are disabled
/// if they are absent.
package enum SharedFiles {
    /// The folder that the environment variable `INFENCLAVE_SHARED` names, else `shared` beside the package.
    package static let folder: String = {
        if let named = ProcessInfo.processInfo.environment["INFENCLAVE_SHARED"], !named.isEmpty { return named }
        // Tests/TestSupport/SharedFiles.swift in the package.
        let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return package.deletingLastPathComponent().appendingPathComponent("shared").path
    }()

    /// Why a test is disabled.
    package static let absence = "INFENCLAVE_SHARED names no folder with the shared models and pictures"

    package static var isPresent: Bool { exists("models") }

    package static func path(_ relative: String) -> String { folder + "/" + relative }

    package static func exists(_ relative: String) -> Bool { FileManager.default.fileExists(atPath: path(relative)) }

    /// Names in a folder, sorted; none when it is absent.
    package static func names(in relative: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: path(relative))) ?? []).sorted()
    }

    package static func bytes(_ relative: String) throws -> Data {
        try Data(contentsOf: URL(fileURLWithPath: path(relative)))
    }

    /// The tensor of a `.npy` file.
    package static func array(_ relative: String) throws -> Tensor {
        let bytes = [UInt8](try bytes(relative))
        return try Tensor(npy: bytes.span.bytes)
    }
}
