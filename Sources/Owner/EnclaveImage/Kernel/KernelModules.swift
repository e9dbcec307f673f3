/// The modules of a kernel as its folder `/lib/modules/RELEASE` lists them: which is needed for which, and what is built in.
///
/// - Source: kmod, modules.dep(5).
package struct KernelModules: Sendable {
    private static let maximumLines = 100_000

    /// Paths by module name, relative to the folder.
    private let paths: [String: String]
    /// What a path needs, nearest first.
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

    /// The files to load for the named modules, in the order in which they can be loaded.
    ///
    /// - Returns: `nil` in the place of the list when a module is neither there nor built in, with its name.
    package func files(for names: [String]) -> (files: [String], missing: [String]) {
        var files: [String] = []
        var missing: [String] = []
        for name in names.map(Self.plain) where !builtIn.contains(name) {
            guard let path = paths[name] else {
                missing.append(name)
                continue
            }
            // Each before what needs it. The list of a module has the modules of its modules, too.
            for file in (needs[path] ?? []).reversed() + [path] where !files.contains(file) { files.append(file) }
        }
        return (files, missing)
    }

    /// `sev_guest` of `kernel/drivers/virt/coco/sev-guest/sev-guest.ko.xz`.
    private static func name(_ path: String) -> String {
        plain(String((path.split(separator: "/").last ?? "").prefix { $0 != "." }))
    }

    /// The two spellings of a name are one.
    private static func plain(_ name: String) -> String { String(name.map { $0 == "-" ? "_" : $0 }) }
}
