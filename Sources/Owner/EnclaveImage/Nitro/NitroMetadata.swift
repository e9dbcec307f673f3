// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials

/// The metadata section that version 4 of the format requires. The time is fixed, so that the same image gives the same
/// file.
package struct NitroMetadata: Sendable, Hashable {
    package let name: String
    package let version: String
    /// The kernel's version string.
    package let kernelVersion: String

    package init(name: String, version: String, kernelVersion: String) {
        self.name = name
        self.version = version
        self.kernelVersion = kernelVersion
    }

    private struct File: Encodable {
        let name: String
        let version: String
        let build: [String: String]
        let docker: [String: String] = [:]

        private enum CodingKeys: String, CodingKey {
            case name = "ImageName"
            case version = "ImageVersion"
            case build = "BuildMetadata"
            case docker = "DockerInfo"
        }
    }

    /// JSON with sorted members.
    package func encoded() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let build = [
            "BuildTime": "1970-01-01T00:00:00+00:00", "BuildTool": "infenclave", "BuildToolVersion": version,
            "OperatingSystem": "Linux", "KernelVersion": kernelVersion,
        ]
        return Array(try encoder.encode(File(name: name, version: version, build: build)))
    }
}
