// SPDX-License-Identifier: Apache-2.0
import EnclaveImage
import Foundation

/// The kernel of an image, with its build configuration if it is known.
struct GuestKernel {
    let file: [UInt8]
    let image: KernelImage
    private let path: String
    private let moduleFolder: String?
    private let modules: KernelModules?
    private let configuration: KernelConfiguration?

    /// - Parameters:
    ///   - modules: `/lib/modules/RELEASE`; by default that of the kernel, if it exists.
    ///   - configuration: Its `.config`; by default `config-RELEASE` beside the kernel, if it exists.
    init(path: String, modules: String?, configuration: String?) throws {
        self.path = path
        file = [UInt8](try InputFile.read(path, maximumBytes: 256 << 20))
        image = try KernelImage(file)
        let release = image.release
        let folder = modules ?? "/lib/modules/\(release)"
        if modules != nil, !FileManager.default.fileExists(atPath: folder + "/modules.dep") {
            throw CommandFailure(
                "kernel", "\(folder) has no modules.dep, which says what a module needs",
                remedy:
                    "name /lib/modules/RELEASE of an installed kernel, or run `depmod -b ROOT RELEASE` (package kmod) for an unpacked one"
            )
        }
        if modules != nil || !release.isEmpty && FileManager.default.fileExists(atPath: folder + "/modules.dep") {
            func text(_ name: String) throws -> String {
                String(decoding: try InputFile.read("\(folder)/\(name)", maximumBytes: 64 << 20), as: UTF8.self)
            }
            moduleFolder = folder
            self.modules = KernelModules(
                dependencies: try text("modules.dep"), builtIn: try text("modules.builtin"))
        } else {
            (moduleFolder, self.modules) = (nil, nil)
        }
        let beside = URL(filePath: path).deletingLastPathComponent().appending(path: "config-\(release)").path
        if let named = configuration ?? (FileManager.default.fileExists(atPath: beside) ? beside : nil) {
            let text = String(decoding: try InputFile.read(named, maximumBytes: 16 << 20), as: UTF8.self)
            let configuration = KernelConfiguration(text)
            guard !configuration.isEmpty else {
                throw CommandFailure("image", "\(named) is no configuration of a kernel", remedy: "give its .config")
            }
            self.configuration = configuration
        } else {
            self.configuration = nil
        }
    }

    /// Whether its configuration says that it interprets no ACPI code (a patch of `images/kernel`).
    var hasTablesOnly: Bool { configuration?.missing(["ACPI_TABLES_ONLY"]).isEmpty ?? false }

    /// - Throws: ``CommandFailure`` when the kernel lacks what the image needs, as far as its configuration is known.
    func check(_ recipe: ImageRecipe) throws {
        let needed = KernelRequirements(recipe)
        guard let configuration else {
            printError(
                "warning: the options of \(path) are not known; give its .config with --kernel-config, or check it for "
                    + (needed.builtIn + needed.drivers.map(\.option)).map { "CONFIG_\($0)" }.joined(separator: " "))
            return
        }
        let asModules = modules == nil ? [] : Set(needed.drivers.map(\.option))
        let missing = configuration.missing(needed.builtIn + needed.drivers.map(\.option), asModules: asModules)
        guard missing.isEmpty else {
            let names = missing.map { "CONFIG_\($0)" }.joined(separator: ", ")
            throw CommandFailure(
                "kernel",
                "the kernel \(image.release) lacks \(names), which an image for \(recipe.kind.rawValue) needs",
                remedy: modules == nil
                    ? "build a kernel with them, or name the folder of this kernel's modules with --modules"
                    : "build a kernel with them; Documentation/images.md has a configuration")
        }
    }

    /// The module files for drivers that are not built in, in the order in which they must be loaded.
    func moduleFiles(_ recipe: ImageRecipe) throws -> [String] {
        guard let modules, let moduleFolder else { return [] }
        let (files, missing) = modules.files(for: KernelRequirements(recipe).drivers.map(\.module))
        guard missing.isEmpty else {
            throw CommandFailure(
                "kernel",
                "the kernel \(image.release) has no module \(missing.joined(separator: ", ")), which an image for \(recipe.kind.rawValue) needs",
                remedy: "use another kernel; Documentation/images.md has a configuration")
        }
        return files.map { "\(moduleFolder)/\($0)" }
    }
}
