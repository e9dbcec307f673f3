/// The options that a kernel was built with, as its `.config` says.
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

    /// Whether the text was a configuration at all.
    package var isEmpty: Bool { options.isEmpty }

    /// Options that the image needs and the kernel does not have.
    ///
    /// - Parameter modules: Options whose modules the image brings along.
    package func missing(_ needed: [String], asModules modules: Set<String> = []) -> [String] {
        needed.filter { name in
            let value = options[name[...]]
            return value != "y" && !(value == "m" && modules.contains(name))
        }
    }
}
