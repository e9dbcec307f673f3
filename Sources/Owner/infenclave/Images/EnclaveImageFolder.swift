// SPDX-License-Identifier: Apache-2.0
import EnclaveImage
import Evidence
import Foundation
import InfenclaveClient
import LeakageAssessment
import SealedChannel

/// An image on disk: the files that start the machine, with `image.json` and `measured.json`.
struct EnclaveImageFolder {
    private static let maximumFileBytes = 1 << 32
    let path: String

    init(_ path: String) { self.path = path }

    /// A folder that is created when something is written.
    ///
    /// - Throws: ``CommandFailure`` for a folder that is not empty.
    init(new path: String) throws {
        self.path = path
        guard FileManager.default.fileExists(atPath: path) else { return }
        guard (try? FileManager.default.contentsOfDirectory(atPath: path).isEmpty) == true else {
            throw CommandFailure("file", "\(path) is not an empty folder", remedy: "name a new folder with --out")
        }
    }

    private func make() throws {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw CommandFailure(
                "file", "\(path) cannot be made\(SystemReason.suffix(of: error))",
                remedy: "check that the folder above is writable")
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
    ///
    /// - Parameter signer: For Nitro only.
    func write(
        _ recipe: ImageRecipe, _ kernel: GuestKernel, _ disk: [UInt8], firmware: String?, signer: ImageSigner?
    ) throws {
        if recipe.kind == .nitro {
            let metadata = try NitroMetadata(
                name: "infenclave", version: SoftwareVersions.program, kernelVersion: kernel.image.release
            ).encoded()
            var image = try EnclaveImageFormat(
                kernel: kernel.file, commandLine: recipe.commandLine, ramdisks: [disk], metadata: metadata)
            if let signer { image = try signer.sign(image) }
            let bytes = image.encoded()
            // The written file must parse to the same content.
            guard try EnclaveImageFormat(parsing: bytes) == image else {
                throw CommandFailure("image", "the image that was made cannot be read back")
            }
            try make()
            try write("image.eif", bytes)
        } else {
            let firmware = [UInt8](try InputFile.read(firmware ?? "", maximumBytes: 64 << 20))
            // Checked before anything is written.
            if recipe.kind == .snp {
                _ = try Self.launches(
                    recipe, firmware: firmware,
                    KernelHashes(kernel: kernel.file, initialDisk: disk, commandLine: recipe.commandLine))
            } else {
                _ = try TDVFMetadata(firmware)
                _ = try DirectBoot(kernel: kernel.file, commandLine: recipe.commandLine, initialDisk: disk)
                try TDXFirmware.check(firmware)
            }
            try make()
            try write("firmware.fd", firmware)
            try write("kernel", kernel.file)
            try write("initrd", disk)
            try write("cmdline", Array(recipe.commandLine.utf8))
        }
        try writeScript(recipe)
    }

    /// Writes the files from which Gramine builds an SGX enclave.
    func write(_ recipe: ImageRecipe, _ enclave: EnclaveFiles, gramineThreads: Int) throws {
        let manifest = GramineManifest.template(
            libraries: enclave.libraries, workers: recipe.workers ?? 1, threads: recipe.threads ?? gramineThreads)
        try make()
        try write("infenclave-enclave.manifest.template", Array(manifest.utf8))
        try write("infenclave-enclave", try InputFile.read(enclave.executable))
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o755], ofItemAtPath: "\(path)/infenclave-enclave")
        try writeScript(recipe)
    }

    /// Writes an identity block for each way in which hosts start the image, in base64 as QEMU takes it.
    func write(identityBlocksBy key: ImageSigningKey) throws {
        let recipe = try recipe()
        for (features, measurement) in zip(SNPLaunch.hostFeatures, try launches(recipe)) {
            let block = try identityBlock(recipe, measurement).encoded()
            let authentication = try IdentityBlock.authentication(
                signature: try key.signature(over: block), publicKey: key.publicKey)
            let name = String(features, radix: 16)
            try write("id-block-\(name)", Data(block).base64EncodedData())
            try write("id-auth-\(name)", Data(authentication).base64EncodedData())
        }
    }

    private func identityBlock(_ recipe: ImageRecipe, _ measurement: LaunchMeasurement) throws -> IdentityBlock {
        try IdentityBlock(
            launchDigest: measurement.values["measurement"] ?? [], guestSVN: UInt32(recipe.guestSVN ?? 0),
            policy: ImageRecipe.guestPolicy)
    }

    /// The digest of the key that signed the identity blocks, which must be for these launches.
    private func identityKeyDigest(_ recipe: ImageRecipe, _ launches: [LaunchMeasurement]) throws -> [UInt8]? {
        guard recipe.guestSVN != nil else { return nil }
        var digests: Set<[UInt8]> = []
        for (features, launch) in zip(SNPLaunch.hostFeatures, launches) {
            let name = String(features, radix: 16)
            let block = try identityBlock(recipe, launch).encoded()
            guard try read("id-block-\(name)").elementsEqual(Data(block).base64EncodedData()) else {
                throw CommandFailure(
                    "image", "\(path)/id-block-\(name) is not of this image", remedy: "make the image again")
            }
            let authentication = [UInt8](Data(base64Encoded: Data(try read("id-auth-\(name)"))) ?? Data())
            guard IdentityBlock.isSigned(block, authentication: authentication),
                let digest = IdentityBlock.keyDigest(authentication: authentication)
            else {
                throw CommandFailure(
                    "image", "\(path)/id-auth-\(name) is no signature of id-block-\(name): no firmware would start it",
                    remedy: "make the image again")
            }
            digests.insert(digest)
        }
        guard digests.count == 1 else {
            throw CommandFailure("image", "\(path) has identity blocks of two keys", remedy: "make the image again")
        }
        return digests.first
    }

    /// Writes `measured.json`.
    func write(_ measured: Measured) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        try write("measured.json", try encoder.encode(measured) + [0x0A])
    }

    /// The expected measurements of the image, computed from its files.
    func measured() throws -> MeasuredImage {
        let recipe = try recipe()
        switch recipe.kind {
        case .nitro:
            let image = try EnclaveImageFormat(parsing: try read("image.eif"))
            try ImageSigner.warnOfExpiry(image)
            return MeasuredImage(recipe, [try image.measurement()])
        case .snp:
            var launches = try launches(recipe)
            if let digest = try identityKeyDigest(recipe, launches) {
                for index in launches.indices { launches[index].values["id_key_digest"] = digest }
            }
            return MeasuredImage(recipe, launches)
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

    /// A launch of the files of an SNP image on another machine.
    struct Launch: Encodable {
        let processors: Int
        let processorModel: String
        let features: String
        let measurement: String
    }

    /// Launch digests of an SNP image for 1 to this many processors, each family of models and each value of
    /// SEV_FEATURES that host kernels give.
    func launchTable(upTo processors: Int) throws -> [Launch] {
        let recipe = try recipe()
        guard recipe.kind == .snp else {
            throw CommandFailure(
                "image",
                "\(path) is an image for \(recipe.kind.rawValue): its measurements do not depend on processors",
                remedy: "leave --table out")
        }
        let hashes = KernelHashes(
            kernel: try read("kernel"), initialDisk: try read("initrd"), commandLine: try commandLine())
        let firmware = try SNPFirmware(try read("firmware.fd"))
        var table: [Launch] = []
        for model in ProcessorModel.families {
            for features in SNPLaunch.hostFeatures {
                for count in 1...processors {
                    let launch = try SNPLaunch(
                        firmware: firmware, hashes: hashes, processors: count, model: model, features: features)
                    table.append(
                        Launch(
                            processors: count, processorModel: model.name,
                            features: "0x" + String(features, radix: 16),
                            measurement: (launch.measurement().values["measurement"] ?? []).hex))
                }
            }
        }
        return table
    }

    private func recipe() throws -> ImageRecipe {
        let recipe: ImageRecipe
        do {
            recipe = try JSONDecoder().decode(ImageRecipe.self, from: Data(try read("image.json")))
        } catch is DecodingError {
            throw CommandFailure(
                "image", "\(path)/image.json is not what `infenclave image` writes", remedy: "make the image again")
        }
        try recipe.check()
        return recipe
    }

    /// The launches of an SNP image, one per value of SEV_FEATURES.
    private func launches(_ recipe: ImageRecipe) throws -> [LaunchMeasurement] {
        let hashes = KernelHashes(
            kernel: try read("kernel"), initialDisk: try read("initrd"), commandLine: try commandLine())
        return try Self.launches(recipe, firmware: try read("firmware.fd"), hashes)
    }

    private static func launches(
        _ recipe: ImageRecipe, firmware: [UInt8], _ hashes: KernelHashes
    ) throws -> [LaunchMeasurement] {
        let firmware = try SNPFirmware(firmware)
        let model = try ProcessorModel(recipe.processorModel ?? "")
        return try SNPLaunch.hostFeatures.map { features in
            try SNPLaunch(
                firmware: firmware, hashes: hashes, processors: recipe.processors, model: model, features: features
            ).measurement()
        }
    }

    private func commandLine() throws -> String {
        guard let text = String(validating: try read("cmdline"), as: UTF8.self), !text.contains("\n") else {
            throw CommandFailure("image", "\(path)/cmdline is not one line of text", remedy: "make the image again")
        }
        return text
    }
}
