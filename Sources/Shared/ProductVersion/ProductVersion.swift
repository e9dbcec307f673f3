// SPDX-License-Identifier: Apache-2.0
internal import CBuildRecord

/// The version of every program here, and of the wheel and the chart (`PackageTests`).
package enum ProductVersion {
    package static let text = "0.2.0"

    /// What `--version` prints: the version on a line of its own, the commit, and how the program was built.
    package static var description: String {
        description(
            commit: String(cString: infenclave_build_commit()), options: String(cString: infenclave_build_options()))
    }

    /// - Parameters:
    ///   - commit: Empty if the build did not set it.
    ///   - options: The same.
    package static func description(commit: String, options: String) -> String {
        """
        \(text)
        commit: \(commit.isEmpty ? "not recorded: a development build" : commit)
        build: \(options.isEmpty ? configuration : options)
        """
    }

    private static var configuration: String {
        #if DEBUG
            "-c debug"
        #else
            "-c release"
        #endif
    }
}
