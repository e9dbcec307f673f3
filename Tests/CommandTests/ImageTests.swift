// SPDX-License-Identifier: Apache-2.0
import Crypto
import EnclaveImage
import Evidence
import Foundation
import TestSupport
import Testing

@Suite("The image command")
struct ImageTests {
    private func measured(_ folder: TemporaryFolder, _ name: String) throws -> [String: Any] {
        try #require(
            JSONSerialization.jsonObject(with: Data(bytes(of: folder.file("\(name)/measured.json")))) as? [String: Any])
    }

    @Test("A Nitro image runs the enclave as its first process, can be read back, and has the stated PCRs")
    func nitro() throws {
        let folder = try TemporaryFolder()
        let inputs = try ImageInputs(in: folder)
        try succeed(inputs.arguments("nitro", "image"), in: folder)
        let image = try EnclaveImageFormat(parsing: bytes(of: folder.file("image/image.eif")))
        #expect(try image[.kernel] == [bytes(of: inputs.kernel)])
        let line = String(decoding: image[.commandLine][0], as: UTF8.self)
        #expect(line.contains("infenclave.tee=nitro infenclave.connect") == false)
        for word in ["infenclave.tee=nitro", "infenclave.heartbeat=vsock:3:9000", "infenclave.connect=vsock:3:9001"] {
            #expect(line.split(separator: " ").contains(Substring(word)), "\(word)")
        }
        // An unknown word without a dot would be an argument of the first process.
        #expect(!line.contains("nomodules"))
        let enclave = try bytes(of: Program.products + "/infenclave-enclave")
        #expect(image[.ramdisk][0].firstRange(of: enclave.prefix(4096)) != nil)
        let values = try #require(measured(folder, "image")["measurements"] as? [String: String])
        let content = image[.kernel][0] + image[.commandLine][0] + image[.ramdisk][0]
        let register = SHA384.hash(data: [UInt8](repeating: 0, count: 48) + SHA384.hash(data: content))
        #expect(values["pcr0"] == Array(register).hex)
        #expect(Set(values.keys) == ["pcr0", "pcr1", "pcr2"])

        // The enclave lies in another folder, and so does the caller.
        let other = try TemporaryFolder()
        let copy = try other.makeFolder("a longer name") + "/infenclave-enclave"
        try FileManager.default.copyItem(atPath: Program.products + "/infenclave-enclave", toPath: copy)
        try succeed(inputs.arguments("nitro", "again") + ["--enclave", copy], in: other)
        for name in ["image.eif", "measured.json", "run.sh"] {
            #expect(try bytes(of: folder.file("image/\(name)")) == bytes(of: folder.file("again/\(name)")), "\(name)")
        }
    }

    @Test("The initial file system has the libraries of the executable and the kernel modules in load order")
    func initialFileSystem() throws {
        let folder = try TemporaryFolder()
        let inputs = try ImageInputs(in: folder, options: nil)
        let modules = try folder.makeFolder("modules")
        for name in ["vsock", "virtio_vsock_common", "vmw_vsock_virtio_transport", "nsm"] {
            try folder.write("module \(name)", to: "modules/\(name).ko")
        }
        try folder.write(
            """
            vmw_vsock_virtio_transport.ko: virtio_vsock_common.ko vsock.ko
            virtio_vsock_common.ko: vsock.ko
            vsock.ko:
            nsm.ko:

            """, to: "modules/modules.dep")
        try folder.write("kernel/drivers/virtio/virtio_mmio.ko\n", to: "modules/modules.builtin")
        let outcome = try succeed(inputs.arguments("nitro", "image") + ["--modules", modules], in: folder)
        // The configuration of this kernel is unknown.
        #expect(outcome.errors.contains("CONFIG_VIRTIO_MMIO_CMDLINE_DEVICES"))
        let image = try EnclaveImageFormat(parsing: bytes(of: folder.file("image/image.eif")))
        let text = String(decoding: image[.ramdisk][0].filter { $0 < 0x80 }, as: UTF8.self)
        let names = [
            "00-vsock", "01-virtio_vsock_common", "02-vmw_vsock_virtio_transport", "03-nsm",
        ].map { "lib/modules/infenclave/\($0).ko" }
        for name in names { #expect(text.contains(name), "\(name)") }
        #expect(text.contains("ld-linux-x86-64.so.2"))
    }

    @Test(
        "Launch measurements are computed for both feature words, and computed again from the folder",
        .enabled(if: ImageInputs.hasFirmware, Comment(rawValue: SharedFiles.absence)))
    func machines() throws {
        let folder = try TemporaryFolder()
        let inputs = try ImageInputs(in: folder)
        try succeed(inputs.arguments("snp", "snp") + ["--cpus", "2", "--cpu-model", "EPYC-Milan"], in: folder)
        let snp = try measured(folder, "snp")
        let digest = try #require((snp["measurements"] as? [String: String])?["measurement"])
        let other = try #require((snp["alternatives"] as? [String: [String]])?["measurement"])
        #expect(other.count == 1 && other != [digest] && digest.count == 96)
        let line = String(decoding: try bytes(of: folder.file("snp/cmdline")), as: UTF8.self)
        #expect(!line.contains("acpi=off") && line.contains("infenclave.connect=vsock:2:9001"))

        let explained = try succeed(["measure", "--image", folder.file("snp"), "--explain"], in: folder)
        #expect(explained.output.contains("kernelHashes") && explained.output.contains("measurement: \(digest)"))
        #expect(explained.output.contains("processor 2"))

        try succeed(inputs.arguments("tdx", "tdx") + ["--transport", "serial"], in: folder)
        let tdx = try #require(try measured(folder, "tdx")["measurements"] as? [String: String])
        #expect(Set(tdx.keys) == ["mrtd", "rtmr1", "rtmr2"])
        let serial = String(decoding: try bytes(of: folder.file("tdx/cmdline")), as: UTF8.self)
        #expect(serial.contains("acpi=off") && serial.contains("infenclave.connect=serial:infenclave.0"))
        let again = try succeed(["measure", "--image", folder.file("tdx"), "--json"], in: folder)
        #expect(((again.json as? [String: Any])?["measurements"] as? [String: String]) == tdx)
        #expect(try succeed(["measure", "--image", folder.file("tdx")], in: folder).errors.contains("rtmr0"))

        // A changed file has other measurements than were written beside it.
        var disk = try bytes(of: folder.file("tdx/initrd"))
        disk[disk.count / 2] ^= 1
        try folder.write(disk, to: "tdx/initrd")
        let changed = try Program(["measure", "--image", folder.file("tdx"), "--json"], in: folder).wait()
        #expect(changed.status == 1)
        try expectRefused(["measure", "--image", folder.file("tdx")], naming: "measured.json", in: folder)
    }

    @Test(
        "Workers and threads are measured in the command line; with static ACPI tables nothing stays unmeasured",
        .enabled(if: ImageInputs.hasFirmware, Comment(rawValue: SharedFiles.absence)))
    func commandLine() throws {
        let folder = try TemporaryFolder()
        let inputs = try ImageInputs(in: folder)
        let (tables, poor) = (try TemporaryFolder(), ["--cpus", "4", "--workers", "2", "--threads", "2"])
        try succeed(inputs.arguments("snp", "open") + poor, in: folder)
        let line = String(decoding: try bytes(of: folder.file("open/cmdline")), as: UTF8.self)
        #expect(line.hasSuffix(" infenclave.workers=2 infenclave.threads=2"))
        let script = String(decoding: try bytes(of: folder.file("open/run.sh")), as: UTF8.self)
        #expect(script.contains("vsock:9001 --workers 2`"))
        #expect((try measured(folder, "open")["open"] as? [String])?.count == 1)
        try succeed(["measure", "--image", folder.file("open")], in: folder)
        let kernel = try ImageInputs(in: tables, options: ImageInputs.everything + ["ACPI_TABLES_ONLY"])
        for kind in ["snp", "tdx"] {
            try succeed(kernel.arguments(kind, kind) + poor, in: tables)
            #expect(try measured(tables, kind)["open"] == nil)
            try succeed(["measure", "--image", tables.file(kind)], in: tables)
        }
        try expectRefused(inputs.arguments("snp", "none") + ["--workers", "0"], naming: "workers", in: folder)
    }

    @Test(
        "The table lists the launch digests of one image for other machines",
        .enabled(if: ImageInputs.hasFirmware, Comment(rawValue: SharedFiles.absence)))
    func table() throws {
        let folder = try TemporaryFolder()
        let inputs = try ImageInputs(in: folder)
        try succeed(inputs.arguments("snp", "snp") + ["--cpus", "2", "--cpu-model", "EPYC-Milan-v2"], in: folder)
        let values = try #require(try measured(folder, "snp")["measurements"] as? [String: String])
        let rows = try succeed(["measure", "--image", folder.file("snp"), "--table", "3"], in: folder).output
            .split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        #expect(rows.count == 5 * 2 * 3 && Set(rows.map { $0[3] }).count == rows.count)
        #expect(rows.contains { $0 == ["EPYC-Milan", "2", "0x1", values["measurement"] ?? ""] })
        let json = try succeed(["measure", "--image", folder.file("snp"), "--table", "1", "--json"], in: folder).json
        #expect((json as? [[String: Any]])?.count == 10)
        try succeed(inputs.arguments("tdx", "tdx"), in: folder)
        try expectRefused(["measure", "--image", folder.file("tdx"), "--table", "2"], naming: "tdx", in: folder)
        try expectUsage(["measure", "--image", folder.file("snp"), "--table", "0"], in: folder)
    }

    @Test(
        "An identity block is signed for each launch, and the key digest is the one that reports state",
        .enabled(if: ImageInputs.hasFirmware, Comment(rawValue: SharedFiles.absence)))
    func identityBlocks() throws {
        let folder = try TemporaryFolder()
        let inputs = try ImageInputs(in: folder)
        let key = folder.file("image.key")
        let made = try succeed(["keygen", "image", "--out", key, "--json"], in: folder)
        let publicKey = try #require((made.json as? [String: Any])?["publicKey"] as? String)
        #expect(try mode(of: key) == 0o600)
        try succeed(inputs.arguments("snp", "snp") + ["--id-key", key, "--guest-svn", "7"], in: folder)
        let signer = try P384.Signing.PublicKey(rawRepresentation: #require([UInt8](hex: publicKey)))
        let measured = try measured(folder, "snp")
        let values = try #require(measured["measurements"] as? [String: String])
        let other = try #require((measured["alternatives"] as? [String: [String]])?["measurement"]?.first)
        for (name, digest) in [("1", try #require(values["measurement"])), ("21", other)] {
            let block = try #require(Data(base64Encoded: Data(bytes(of: folder.file("snp/id-block-\(name)")))))
            let authentication = [UInt8](
                try #require(Data(base64Encoded: Data(bytes(of: folder.file("snp/id-auth-\(name)"))))))
            #expect(Array(block.prefix(48)).hex == digest && block[84] == 7)
            let signature = try P384.Signing.ECDSASignature(
                rawRepresentation: Array(authentication[64..<112].reversed() + authentication[136..<184].reversed()))
            #expect(signer.isValidSignature(signature, for: SHA384.hash(data: block)))
            #expect(Array(SHA384.hash(data: authentication[576..<1604])).hex == values["id_key_digest"])
        }
        try succeed(["measure", "--image", folder.file("snp")], in: folder)
        // The policy names key and version, as a host can leave the block out.
        let (bundle, file) = (try Deployment(in: folder).bundle, folder.file("policy.json"))
        let versions = ["bl=4", "tee=0", "snp=24", "ucode=219"].flatMap { ["--minimum-tcb", $0] }
        try succeed(
            ["policy", bundle, "--tee", "snp", "--measured", folder.file("snp/measured.json"), "--out", file]
                + versions,
            in: folder)
        let policy = try #require(try JSONSerialization.jsonObject(with: Data(bytes(of: file))) as? [String: Any])
        #expect(
            (policy["measurements"] as? [String: [String]])?["id_key_digest"] == [try #require(values["id_key_digest"])]
        )
        #expect((policy["minimumTCB"] as? [String: Int])?["guestsvn"] == 7)
        // A signature that the firmware would refuse is detected.
        let signed = try bytes(of: folder.file("snp/id-auth-1"))
        var authentication = [UInt8](try #require(Data(base64Encoded: Data(signed))))
        authentication[64] ^= 1
        try folder.write(Data(authentication).base64EncodedData(), to: "snp/id-auth-1")
        try expectRefused(["measure", "--image", folder.file("snp")], naming: "id-auth-1", in: folder)
        try folder.write(signed, to: "snp/id-auth-1")
        // A block of another launch is detected.
        try folder.write(bytes(of: folder.file("snp/id-block-1")), to: "snp/id-block-21")
        try expectRefused(["measure", "--image", folder.file("snp")], naming: "id-block-21", in: folder)
        try expectUsage(inputs.arguments("nitro", "n") + ["--id-key", key], in: folder)
    }

    @Test(
        "A policy is made from an image's measurements for a bundle, with the platform's minimum versions",
        .enabled(if: ImageInputs.hasFirmware, Comment(rawValue: SharedFiles.absence)))
    func policies() throws {
        let folder = try TemporaryFolder()
        let bundle = try Deployment(in: folder).bundle
        let inputs = try ImageInputs(in: folder)
        func policy(_ kind: String, _ more: [String]) throws -> [String: Any] {
            try succeed(inputs.arguments(kind, kind), in: folder)
            let file = folder.file("\(kind).policy.json")
            let measured = folder.file("\(kind)/measured.json")
            try succeed(["policy", bundle, "--tee", kind, "--measured", measured, "--out", file] + more, in: folder)
            return try #require(try JSONSerialization.jsonObject(with: Data(bytes(of: file))) as? [String: Any])
        }
        let versions = ["bl=4", "tee=0", "snp=24", "ucode=219"].flatMap { ["--minimum-tcb", $0] }
        let snp = try policy("snp", versions)
        #expect((snp["measurements"] as? [String: [String]])?["measurement"]?.count == 2)
        #expect((snp["minimumTCB"] as? [String: Int]) == ["bl": 4, "tee": 0, "snp": 24, "ucode": 219])
        #expect((snp["flags"] as? [String: Bool])?["smtAllowed"] == true)
        let tdx = try policy("tdx", ["--minimum-evaluation-data-number", "17"])
        #expect(Set((tdx["measurements"] as? [String: [String]] ?? [:]).keys) == ["mrtd", "rtmr1", "rtmr2"])
        // With more processors the guest runs the host's ACPI tables, which are not measured.
        func warnings(_ kind: String, processors: String, _ more: [String]) throws -> String {
            let name = "\(kind)-\(processors)"
            try succeed(inputs.arguments(kind, name) + ["--cpus", processors], in: folder)
            let measured = folder.file("\(name)/measured.json")
            let arguments = ["policy", bundle, "--tee", kind, "--measured", measured, "--out", folder.file("w.json")]
            return try succeed(arguments + more, in: folder).errors
        }
        let number = ["--minimum-evaluation-data-number", "17"]
        #expect(try warnings("tdx", processors: "2", number).contains("warning: rtmr0"))
        #expect(try !warnings("tdx", processors: "1", number).contains("warning"))
        #expect(try warnings("snp", processors: "2", versions).contains("warning: the host's ACPI tables"))
        let nitro = try policy("nitro", [])
        #expect(Set((nitro["measurements"] as? [String: [String]] ?? [:]).keys) == ["pcr0", "pcr1", "pcr2"])
        func expectNoPolicy(_ kind: String, _ measured: String, _ more: [String], naming words: String) throws {
            let arguments = ["policy", bundle, "--tee", kind, "--measured", folder.file("\(measured)/measured.json")]
            let outcome = try Program(arguments + ["--out", folder.file("p.json")] + more, in: folder).wait()
            #expect(outcome.status == 1 && outcome.errors.contains(words), "\(outcome.errors)")
        }
        // Without the least versions a policy for SNP would be incomplete.
        try expectNoPolicy("snp", "snp", [], naming: "--minimum-tcb")
        try expectNoPolicy("tdx", "snp", ["--minimum-evaluation-data-number", "17"], naming: "another TEE")
    }

    @Test("Invalid image inputs are refused with the remedy, and nothing is written")
    func refusals() throws {
        let folder = try TemporaryFolder()
        let inputs = try ImageInputs(in: folder)
        let out = folder.file("image")
        try expectUsage(["image", "--kind", "nitro", "--out", out], in: folder)
        try expectUsage(["image", "--kind", "snp", "--kernel", inputs.kernel, "--out", out], in: folder)
        try expectUsage(["image", "--kind", "arm", "--out", out], in: folder)
        let elf = try folder.write(Array("\u{7F}ELF".utf8) + [UInt8](repeating: 0, count: 4096), to: "vmlinux")
        try expectRefused(["image", "--kind", "nitro", "--kernel", elf, "--out", out], naming: "bzImage", in: folder)
        try expectRefused(inputs.arguments("nitro", "image") + ["--cpus", "0"], naming: "processors", in: folder)
        // A kernel without a needed option, as its configuration says.
        let bare = try TemporaryFolder()
        let poor = try ImageInputs(in: bare, options: ImageInputs.everything.filter { $0 != "NSM" })
        try expectRefused(poor.arguments("nitro", "image"), naming: "CONFIG_NSM", in: bare)
        #expect(!FileManager.default.fileExists(atPath: out))
        // Something is in the folder already.
        _ = try folder.makeFolder("full")
        try folder.write("x", to: "full/x")
        try expectRefused(
            ["image", "--kind", "nitro", "--kernel", inputs.kernel, "--out", folder.file("full")],
            naming: "not an empty folder", in: folder)
    }

    @Test(
        "Firmware of the wrong kind is refused with the name of the right package",
        .enabled(if: ImageInputs.hasFirmware, Comment(rawValue: SharedFiles.absence)))
    func wrongFirmware() throws {
        let folder = try TemporaryFolder()
        let inputs = try ImageInputs(in: folder)
        func arguments(_ kind: String, _ firmware: String) -> [String] {
            ["image", "--kind", kind, "--kernel", inputs.kernel, "--firmware", firmware, "--out", folder.file("image")]
        }
        func expectPackage(_ name: String, _ kind: String, _ firmware: String) throws {
            let outcome = try Program(arguments(kind, firmware), in: folder).wait()
            #expect(outcome.status == 1 && outcome.errors.contains(name), "\(outcome.errors)")
        }
        try expectPackage("ovmf-amdsev", "snp", ImageInputs.tdxFirmware)
        try expectPackage("package ovmf", "tdx", try folder.write(Self.withoutTDX(), to: "other.fd"))
        try expectRefused(arguments("tdx", inputs.kernel), naming: "OVMF", in: folder)
        // A compressed volume that does not have the driver which measures the kernel, and one that has it.
        let synthetic = Array(try SharedFiles.bytes("vectors/images/tdvf-synthetic.fd"))
        let driver = try #require([UInt8](hex: "1e2262f007c6c244b0b4c3886331d351"))
        for (content, isAccepted) in [([UInt8](repeating: 1, count: 300), false), ([7] + driver + [9], true)] {
            let file = try folder.write(try compressedSection(content, in: folder) + synthetic, to: "volume.fd")
            let outcome = try Program(arguments("tdx", file), in: folder).wait()
            #expect((outcome.status == 0) == isAccepted, "\(outcome.errors)")
            #expect(outcome.errors.contains("TdTcg2Dxe") == !isAccepted, "\(outcome.errors)")
            #expect(outcome.errors.contains("edk2-stable202302") == !isAccepted, "\(outcome.errors)")
            #expect(FileManager.default.fileExists(atPath: folder.file("image")) == isAccepted)
        }
        try FileManager.default.removeItem(atPath: folder.file("image"))
        // A kernel that no firmware starts is refused before anything is written.
        var plain = try bytes(of: inputs.kernel)
        plain[0x40] = 0
        let noStub = try folder.write(plain, to: "noStub")
        try expectRefused(
            [
                "image", "--kind", "tdx", "--kernel", noStub, "--firmware", ImageInputs.tdxFirmware, "--out",
                folder.file("image"),
            ],
            naming: "EFI application", in: folder)
        #expect(!FileManager.default.fileExists(atPath: folder.file("image")))
        // It has the metadata of SEV, but no section for the hashes.
        let debian = "/usr/share/ovmf/OVMF.fd"
        if FileManager.default.fileExists(atPath: debian) { try expectPackage("ovmf-amdsev", "snp", debian) }
    }

    /// A section of a firmware volume, as edk2 compresses it.
    private func compressedSection(_ content: [UInt8], in folder: TemporaryFolder) throws -> [UInt8] {
        let plain = try folder.write(content, to: "section")
        let compressed = try Program(
            ["xz", "--format=lzma", "--keep", "--force", plain], in: folder, executable: "/usr/bin/env"
        ).wait()
        try #require(compressed.status == 0, "\(compressed.errors)")
        var stream = try bytes(of: plain + ".lzma")
        func number(_ value: Int, _ count: Int) -> [UInt8] { (0..<count).map { UInt8(value >> (8 * $0) & 0xFF) } }
        stream.replaceSubrange(5..<13, with: number(content.count, 8))
        let identifier = try #require([UInt8](hex: "98584eee143959429d6edc7bd79403cf"))
        return number(24 + stream.count, 3) + [2] + identifier + [24, 0, 1, 0] + stream
    }

    /// The synthetic firmware with another identifier instead of that of TDX's metadata.
    private static func withoutTDX() throws -> [UInt8] {
        var firmware = Array(try SharedFiles.bytes("vectors/images/tdvf-synthetic.fd"))
        let identifier = try #require([UInt8](hex: "35657ae44a989847865e4685a7bf8ec2"))
        firmware[try #require(firmware.firstRange(of: identifier)).lowerBound] ^= 1
        return firmware
    }

    @Test(
        "run.sh reports a QEMU that is too old, and what the host lacks",
        .enabled(if: ImageInputs.hasFirmware, Comment(rawValue: SharedFiles.absence)))
    func scripts() throws {
        let folder = try TemporaryFolder()
        let inputs = try ImageInputs(in: folder)
        for kind in ["snp", "tdx", "nitro"] { try succeed(inputs.arguments(kind, kind), in: folder) }
        func run(_ kind: String, qemu: String) throws -> Outcome {
            let program = try folder.write("#!/bin/sh\necho 'QEMU emulator version \(qemu) (Debian)'\n", to: "qemu")
            chmod(program, 0o755)
            return try Program(
                [folder.file("\(kind)/run.sh")], in: folder, executable: "/bin/sh", environment: ["QEMU": program]
            ).wait()
        }
        for (kind, version, least) in [("snp", "7.2.22", "9.1"), ("tdx", "10.1.3", "10.2"), ("tdx", "9.9.0", "10.2")] {
            let outcome = try run(kind, qemu: version)
            #expect(outcome.status == 1)
            #expect(outcome.errors.contains("too old") && outcome.errors.contains(least), "\(outcome.errors)")
        }
        // This machine has neither.
        for (kind, version) in [("snp", "9.1.0"), ("tdx", "11.0.1")]
        where !FileManager.default.fileExists(atPath: "/sys/module/kvm_amd/parameters/sev_snp") {
            let outcome = try run(kind, qemu: version)
            #expect(outcome.status == 1 && outcome.errors.contains("does not offer"), "\(outcome.errors)")
        }
        if !FileManager.default.fileExists(atPath: "/usr/bin/nitro-cli") {
            #expect(try run("nitro", qemu: "9.1").errors.contains("nitro-cli"))
        }
    }

    @Test("A Gramine manifest states in every output that it is untested")
    func gramine() throws {
        let folder = try TemporaryFolder()
        let outcome = try succeed(["image", "--kind", "sgx", "--out", folder.file("sgx")], in: folder)
        #expect(outcome.errors.contains("untested"))
        for name in ["infenclave-enclave.manifest.template", "run.sh"] {
            let text = String(decoding: try bytes(of: folder.file("sgx/\(name)")), as: UTF8.self)
            #expect(text.contains("ntested"), "\(name)")
        }
        let manifest = String(
            decoding: try bytes(of: folder.file("sgx/infenclave-enclave.manifest.template")), as: UTF8.self)
        #expect(manifest.contains("sgx.debug = false") && manifest.contains("libdnnl"))
    }
}
