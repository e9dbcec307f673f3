import EnclaveImage
import Foundation
import LeakageAssessment

/// An image on disk: what starts the machine, with `image.json` and `measured.json`.
struct EnclaveImageFolder {
    private static let maximumFileBytes = 1 << 32
    let path: String

    init(_ path: String) { self.path = path }

    /// - Throws: ``CommandFailure`` for a folder that has something in it.
    init(creating path: String) throws {
        self.path = path
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw CommandFailure("file", "\(path) cannot be made", remedy: "check that the folder above is writable")
        }
        guard (try? FileManager.default.contentsOfDirectory(atPath: path).isEmpty) == true else {
            throw CommandFailure("file", "\(path) is not empty", remedy: "name a new folder with --out")
        }
    }

    private func write(_ name: String, _ bytes: some Sequence<UInt8>) throws {
        try OutputFile.write(bytes, to: "\(path)/\(name)")
    }

    private func read(_ name: String) throws -> [UInt8] {
        [UInt8](try InputFile.read("\(path)/\(name)", maximumBytes: Self.maximumFileBytes))
    }

    private func writeScript(_ recipe: ImageRecipe) throws {
        try write("image.json", try recipe.encoded())
        try write("run.sh", Array(LaunchScript.text(recipe).utf8))
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: "\(path)/run.sh")
    }

    /// Writes an image for a machine.
    func write(_ recipe: ImageRecipe, _ kernel: GuestKernel, _ disk: [UInt8], firmware: String?) throws {
        if recipe.kind == .nitro {
            let metadata = try NitroMetadata(
                name: "infenclave", version: SoftwareVersions.program, kernelVersion: kernel.image.release
            ).encoded()
            let image = try EnclaveImageFormat(
                kernel: kernel.file, commandLine: recipe.commandLine, ramdisks: [disk], metadata: metadata)
            let bytes = image.encoded()
            // What was written is what a reader finds.
            guard try EnclaveImageFormat(parsing: bytes) == image else {
                throw CommandFailure("image", "the image that was made cannot be read back")
            }
            try write("image.eif", bytes)
        } else {
            let firmware = [UInt8](try InputFile.read(firmware ?? "", maximumBytes: 64 << 20))
            // Refused before anything is written.
            if recipe.kind == .snp { _ = try SNPFirmware(firmware) } else { _ = try TDVFMetadata(firmware) }
            try write("firmware.fd", firmware)
            try write("kernel", kernel.file)
            try write("initrd", disk)
            try write("cmdline", Array(recipe.commandLine.utf8))
        }
        try writeScript(recipe)
    }

    /// Writes what Gramine makes an SGX enclave of.
    func write(_ recipe: ImageRecipe, _ enclave: EnclaveFiles, gramineThreads: Int) throws {
        let manifest = GramineManifest.template(libraries: enclave.libraries, threads: gramineThreads)
        try write("infenclave-enclave.manifest.template", Array(manifest.utf8))
        try write("infenclave-enclave", try InputFile.read(enclave.executable))
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o755], ofItemAtPath: "\(path)/infenclave-enclave")
        try writeScript(recipe)
    }

    /// Writes `measured.json`.
    func write(_ measured: Measured) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        try write("measured.json", try encoder.encode(measured) + [0x0A])
    }

    /// The measurements that the image will have, computed from its files.
    func measured() throws -> MeasuredImage {
        let recipe: ImageRecipe
        do {
            recipe = try JSONDecoder().decode(ImageRecipe.self, from: Data(try read("image.json")))
        } catch is DecodingError {
            throw CommandFailure(
                "image", "\(path)/image.json is not what `infenclave image` writes", remedy: "make the image again")
        }
        try recipe.check()
        switch recipe.kind {
        case .nitro:
            return MeasuredImage(recipe, [try EnclaveImageFormat(parsing: try read("image.eif")).measurement()])
        case .snp:
            let hashes = KernelHashes(
                kernel: try read("kernel"), initialDisk: try read("initrd"), commandLine: try commandLine())
            let firmware = try SNPFirmware(try read("firmware.fd"))
            let model = try ProcessorModel(recipe.processorModel ?? "")
            return MeasuredImage(
                recipe,
                try SNPLaunch.hostFeatures.map { features in
                    try SNPLaunch(
                        firmware: firmware, hashes: hashes, processors: recipe.processors, model: model,
                        features: features
                    ).measurement()
                })
        case .tdx:
            var measurement = try DomainBuild(firmware: try read("firmware.fd")).measurement()
            let boot = try DirectBoot(
                kernel: try read("kernel"), commandLine: try commandLine(), initialDisk: try read("initrd")
            ).measurement()
            measurement.values.merge(boot.values) { $1 }
            measurement.steps += boot.steps
            return MeasuredImage(recipe, [measurement])
        case .sgx: return MeasuredImage(recipe, [])
        }
    }

    private func commandLine() throws -> String {
        guard let text = String(validating: try read("cmdline"), as: UTF8.self), !text.contains("\n") else {
            throw CommandFailure("image", "\(path)/cmdline is not one line of text", remedy: "make the image again")
        }
        return text
    }
}
