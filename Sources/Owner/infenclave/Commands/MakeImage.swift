// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import EnclaveImage
import Foundation
import SealedChannel
import SecretMemory

struct MakeImage: Command {
    static let configuration = CommandConfiguration(
        commandName: "image",
        abstract: "Make an enclave image for a TEE, with its expected measurements.",
        discussion: """
            The folder gets run.sh, which starts the machine, the files for it, and measured.json, which `infenclave \
            policy --measured` takes. The same inputs give the same bytes, except for signatures, which are random. \
            `infenclave measure --image DIR` computes the measurements again. No image was run on hardware by the makers of this program.
            """)

    @Option(help: "The platform: nitro, snp, tdx or sgx (untested).") var kind: ImageKind
    @Option(help: ArgumentHelp("The Linux kernel, a bzImage; not for sgx.", valueName: "file")) var kernel: String?
    @Option(
        help: ArgumentHelp(
            "The kernel's modules, such as /lib/modules/RELEASE.",
            discussion:
                "Default: that folder for the kernel's release, if it exists. A kernel with all drivers built in needs none.",
            valueName: "dir"))
    var modules: String?
    @Option(
        help: ArgumentHelp("The kernel's configuration. Default: config-RELEASE beside the kernel.", valueName: "file"))
    var kernelConfig: String?
    @Option(
        help: ArgumentHelp(
            "snp and tdx: the machine's firmware.",
            discussion:
                "For snp OVMF.amdsev.fd of Debian's package ovmf-amdsev, for tdx OVMF.fd of edk2-stable202302 or later (Debian 13's package ovmf): older firmware measures no kernel.",
            valueName: "file"))
    var firmware: String?
    @Option(help: ArgumentHelp("Processors of the machine.", valueName: "n")) var cpus = 1
    @Option(help: ArgumentHelp("snp: the processor model of QEMU, which is measured.", valueName: "model"))
    var cpuModel: String?
    @Option(help: ArgumentHelp("Memory of the machine in MiB.", valueName: "mib")) var memory = 2048
    @Option(
        help: ArgumentHelp(
            "Requests that the enclave computes in parallel. Default: 1.",
            discussion: "It is measured. `serve --enclave-at` takes the same number with --workers.", valueName: "n"))
    var workers: Int?
    @Option(
        help: ArgumentHelp(
            "Threads of each of these requests, which is measured. Default: the processors, divided by --workers.",
            valueName: "n"))
    var threads: Int?
    @Option(help: "snp and tdx: how the guest reaches its host, vsock or serial.") var transport = ImageTransport.vsock
    @Option(
        help: ArgumentHelp(
            "snp: sign an identity block with this key, which `keygen image` makes.",
            discussion:
                "With the block the firmware starts only this image, and reports contain the key, which the policy pins. A host can leave the block out: only a client's policy detects that.",
            valueName: "file"))
    var idKey: String?
    @Option(
        help: ArgumentHelp(
            "snp: the version that the identity block states, which a policy's minimumTCB can demand as guestsvn.",
            valueName: "n"))
    var guestSVN: Int?
    @Option(
        help: ArgumentHelp(
            "nitro: sign the image with this key on P-384, in PEM and not encrypted.",
            discussion:
                "The hypervisor then measures the certificate into pcr8, which the policy pins beside pcr0. Who issued it is not verified.",
            valueName: "file"))
    var signingKey: String?
    @Option(
        help: ArgumentHelp(
            "nitro: the certificate of the signing key, in PEM or DER.",
            discussion: "nitro-cli does not start the image after the certificate has expired.", valueName: "file"))
    var certificate: String?
    @Option(help: ArgumentHelp("The enclave's executable.", valueName: "file")) var enclave: String?
    @Option(help: ArgumentHelp("The folder to write. It may not exist, or be empty.", valueName: "dir")) var out: String
    @Flag(help: "Print each step of the measurement.") var explain = false
    @Flag(help: "Print measured.json.") var json = false

    func validate() throws {
        guard kind == .sgx || kernel != nil else {
            throw ValidationError(
                "--kind \(kind.rawValue) needs --kernel FILE, a bzImage: one of your own (Documentation/images.md), or for snp and tdx /boot/vmlinuz-RELEASE of Debian's linux-image-cloud-amd64"
            )
        }
        guard (kind == .snp || kind == .tdx) == (firmware != nil) else {
            throw ValidationError(
                kind == .nitro || kind == .sgx
                    ? "--firmware is for snp and tdx"
                    : "--kind \(kind.rawValue) needs --firmware FILE: "
                        + (kind == .snp
                            ? "OVMF.amdsev.fd of Debian's package ovmf-amdsev"
                            : "/usr/share/ovmf/OVMF.fd of Debian 13's package ovmf (edk2-stable202302 or later)"))
        }
        guard cpuModel == nil || kind == .snp else { throw ValidationError("--cpu-model is for snp") }
        guard idKey == nil || kind == .snp, guestSVN == nil || idKey != nil else {
            throw ValidationError("--id-key is for snp, and --guest-svn goes with it")
        }
        guard (signingKey == nil) == (certificate == nil), signingKey == nil || kind == .nitro else {
            throw ValidationError("--signing-key and --certificate are for nitro, and go together")
        }
        guard kind != .sgx || kernel == nil && modules == nil && kernelConfig == nil else {
            throw ValidationError("--kernel, --modules and --kernel-config are not for sgx")
        }
    }

    func execute() async throws {
        let kernel = try kernel.map { try GuestKernel(path: $0, modules: modules, configuration: kernelConfig) }
        let recipe = try ImageRecipe(
            kind: kind, processors: cpus, processorModel: kind == .snp ? cpuModel ?? "EPYC-v4" : nil,
            memoryMiB: memory, transport: transport, guestSVN: idKey == nil ? nil : guestSVN ?? 0, workers: workers,
            threads: threads, hasTablesOnly: kernel?.hasTablesOnly == true ? true : nil)
        // Before anything is written.
        if idKey != nil || signingKey != nil { try ProcessHardening.forbidDumps() }
        let identity = try idKey.map { try ImageSigningKey(contentsOf: $0) }
        let signer: ImageSigner? =
            if let signingKey, let certificate { try ImageSigner(key: signingKey, certificate: certificate) } else {
                nil
            }
        let executable = try EnclaveFiles(EnclaveExecutable(enclave))
        let folder = try EnclaveImageFolder(new: out)
        if let kernel {
            try kernel.check(recipe)
            try folder.write(
                recipe, kernel, try executable.initialFileSystem(modules: kernel.moduleFiles(recipe)),
                firmware: firmware, signer: signer)
        } else {
            try folder.write(recipe, executable, gramineThreads: cpus)
        }
        if let identity { try folder.write(identityBlocksBy: identity) }
        let measured = try folder.measured()
        try folder.write(measured.values)
        try measured.show(explain: explain, json: json)
        guard !json else { return }
        print(
            "wrote \(out): start it with \(out)/run.sh, and make a policy with `infenclave policy --measured \(out)/measured.json`"
        )
        printError(
            "warning: this was not run on hardware yet; Documentation/images.md says what was tested, and how")
    }
}

extension ImageKind: ExpressibleByArgument {}
extension ImageTransport: ExpressibleByArgument {}
