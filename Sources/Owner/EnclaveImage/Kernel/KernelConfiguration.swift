// SPDX-License-Identifier: Apache-2.0
/// A kernel's build options, from its `.config`.
package struct KernelConfiguration: Sendable, Hashable {
    /// `y` or `m` by option, without `CONFIG_`.
    private let options: [Substring: Substring]

    package init(_ text: String) {
        var options: [Substring: Substring] = [:]
        for line in text.split(whereSeparator: \.isNewline) where line.hasPrefix("CONFIG_") {
            let parts = line.dropFirst("CONFIG_".count).split(separator: "=", maxSplits: 1)
            if parts.count == 2 { options[parts[0]] = parts[1] }
        }
        self.options = options
    }

    /// Whether the text has no options, and so is no configuration.
    package var isEmpty: Bool { options.isEmpty }

    /// Required options that the kernel lacks.
    ///
    /// - Parameter modules: Options whose modules the image contains.
    package func missing(_ needed: [String], asModules modules: Set<String> = []) -> [String] {
        needed.filter { name in
            let value = options[name[...]]
            return value != "y" && !(value == "m" && modules.contains(name))
        }
    }
}
