// SPDX-License-Identifier: Apache-2.0
/// The modules of a kernel as listed in `/lib/modules/RELEASE`: their dependencies, and which are built in.
///
/// - Source: kmod, modules.dep(5).
package struct KernelModules: Sendable {
    private static let maximumLines = 100_000

    /// Paths by module name, relative to the folder.
    private let paths: [String: String]
    /// The dependencies of a path, nearest first.
    private let needs: [String: [String]]
    private let builtIn: Set<String>

    /// - Parameters:
    ///   - dependencies: `modules.dep`.
    ///   - builtIn: `modules.builtin`.
    package init(dependencies: String, builtIn: String) {
        var paths: [String: String] = [:]
        var needs: [String: [String]] = [:]
        for line in dependencies.split(whereSeparator: \.isNewline).prefix(Self.maximumLines) {
            let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { continue }
            let path = String(parts[0])
            paths[Self.name(path)] = path
            needs[path] = parts[1].split(separator: " ").map(String.init)
        }
        self.paths = paths
        self.needs = needs
        self.builtIn = Set(
            builtIn.split(whereSeparator: \.isNewline).prefix(Self.maximumLines).map { Self.name(String($0)) })
    }

    /// The files to load for the named modules, in a valid order.
    ///
    /// - Returns: The files, and the names of modules that neither exist nor are built in.
    package func files(for names: [String]) -> (files: [String], missing: [String]) {
        var files: [String] = []
        var missing: [String] = []
        for name in names.map(Self.plain) where !builtIn.contains(name) {
            guard let path = paths[name] else {
                missing.append(name)
                continue
            }
            // Each file after its dependencies. The list of a module includes indirect dependencies.
            for file in (needs[path] ?? []).reversed() + [path] where !files.contains(file) { files.append(file) }
        }
        return (files, missing)
    }

    /// `sev_guest` of `kernel/drivers/virt/coco/sev-guest/sev-guest.ko.xz`.
    private static func name(_ path: String) -> String {
        plain(String((path.split(separator: "/").last ?? "").prefix { $0 != "." }))
    }

    /// Hyphens and underscores are equivalent in module names.
    private static func plain(_ name: String) -> String { String(name.map { $0 == "-" ? "_" : $0 }) }
}
