// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials

/// The parameters of an image besides its files: `image.json` in its folder.
package struct ImageRecipe: Sendable, Hashable, Codable {
    package static let version = 1
    package static let processorCounts = 1...64
    package static let memoryMiB = 128...(1 << 20)
    /// The accepted values of `workers` and `threads`.
    package static let threadCounts = 1...1024
    /// SMT is allowed, debugging and migration are not: bit 16, and bit 17, which must be one.
    package static let guestPolicy: UInt64 = 0x3_0000

    package let version: Int
    package let kind: ImageKind
    package let processors: Int
    /// SNP only: a processor model of QEMU.
    package let processorModel: String?
    package let memoryMiB: Int
    package let transport: ImageTransport
    /// SNP only: the guest version in the owner's identity block, if the image has one.
    package let guestSVN: Int?
    /// Requests that the enclave computes at a time, and threads of each; `nil` for the executable's defaults.
    package let workers: Int?
    package let threads: Int?
    /// Whether the kernel reads static ACPI tables only (`CONFIG_ACPI_TABLES_ONLY` of `images/kernel`), by its
    /// configuration.
    package let hasTablesOnly: Bool?

    /// - Throws: ``ImageError`` (invalidArgument).
    package init(
        kind: ImageKind, processors: Int, processorModel: String?, memoryMiB: Int, transport: ImageTransport,
        guestSVN: Int?, workers: Int? = nil, threads: Int? = nil, hasTablesOnly: Bool? = nil
    ) throws(ImageError) {
        version = Self.version
        self.kind = kind
        self.processors = processors
        self.processorModel = processorModel
        self.memoryMiB = memoryMiB
        self.transport = transport
        self.guestSVN = guestSVN
        self.workers = workers
        self.threads = threads
        self.hasTablesOnly = hasTablesOnly
        try check()
    }

    /// - Throws: ``ImageError`` for values that no image has.
    package func check() throws(ImageError) {
        guard version == Self.version else {
            throw ImageError(
                .malformed, "the image is of version \(version); expected \(Self.version)",
                remedy: "make it again with this version's `infenclave image`")
        }
        guard Self.processorCounts.contains(processors) else {
            throw ImageError(.invalidArgument, "an image has 1 to 64 processors, not \(processors)")
        }
        guard Self.memoryMiB.contains(memoryMiB) else {
            throw ImageError(.invalidArgument, "an image has 128 to 1048576 MiB of memory, not \(memoryMiB)")
        }
        guard kind == .snp || processorModel == nil && guestSVN == nil else {
            throw ImageError(.invalidArgument, "a processor model and an identity block are for snp")
        }
        guard kind == .snp || kind == .tdx || transport == .vsock else {
            throw ImageError(.invalidArgument, "a serial port is for snp and tdx")
        }
        guard guestSVN.map({ (0...Int(UInt32.max)).contains($0) }) ?? true else {
            throw ImageError(.invalidArgument, "a guest's security version is 0 to 4294967295")
        }
        for (name, count) in [("workers", workers), ("threads", threads)] {
            guard let count, !Self.threadCounts.contains(count) else { continue }
            throw ImageError(.invalidArgument, "an enclave has 1 to 1024 \(name), not \(count)")
        }
        if kind == .snp { _ = try ProcessorModel(processorModel ?? "") }
    }

    /// JSON with sorted members.
    package func encoded() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        return Array(try encoder.encode(self)) + [0x0A]
    }

    /// The kernel's command line. It is measured and contains all of the enclave's configuration.
    package var commandLine: String {
        let console = ["console=ttyS0", "reboot=k", "panic=-1", "random.trust_cpu=on"]
        let service: [String]
        switch (kind, transport) {
        case (.nitro, _):
            // The command line of AWS's tools, without words that the kernel would pass to the first process as
            // arguments.
            let machine = "pci=off i8042.noaux i8042.nomux i8042.nopnp i8042.dumbkbd"
            service = [
                machine, "infenclave.connect=vsock:3:\(ImageTransport.port)", "infenclave.heartbeat=vsock:3:9000",
            ]
        case (_, .vsock): service = ["infenclave.connect=vsock:2:\(ImageTransport.port)"]
        case (_, .serial): service = ["infenclave.connect=serial:\(ImageTransport.serialName)"]
        }
        // The host's ACPI tables are code that the guest's kernel would run. Without them it finds one processor.
        let acpi = processors == 1 && kind != .nitro ? ["acpi=off"] : []
        let counts = [("workers", workers), ("threads", threads)].compactMap { name, count in
            count.map { "infenclave.\(name)=\($0)" }
        }
        return (console + acpi + ["infenclave.tee=\(kind.rawValue)"] + service + counts).joined(separator: " ")
    }

    /// Whether the guest's kernel runs the code in the host's ACPI tables (AML).
    package var runsHostTables: Bool {
        (kind == .snp || kind == .tdx) && processors > 1 && hasTablesOnly != true
    }

    /// Flags of a policy that follow from the way in which the image is started.
    package var flags: [String: Bool] {
        switch kind {
        case .snp:
            [
                "smtAllowed": true, "singleSocket": false, "cxlAllowed": false, "aes256XTSRequired": false,
                "raplDisableRequired": false, "ciphertextHidingRequired": false, "pageSwapDisabled": false,
            ]
        case .tdx: ["septVEDisable": true]
        case .nitro, .sgx: [:]
        }
    }
}
