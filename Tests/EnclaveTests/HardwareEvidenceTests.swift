// SPDX-License-Identifier: Apache-2.0
import EnclaveCore
import EnclavePlatform
import Evidence
import Glibc
import Synchronization
import Testing

/// A model of the kernel's attestation files: an errno or bytes for each read, and what was written.
final class ModelKernel: KernelFiles {
    struct State {
        var files: [String: [UInt8]] = [:]
        var directories: Set<String> = []
        var everMade: [String] = []
        var generation: UInt64 = 7
        var inblob: [UInt8] = []
        var privlevel: [UInt8]?
        var busyReads = 0
        var interloperWrites = 0
    }
    let state: Mutex<State>
    let provider: String?
    let auxblob: [UInt8]?
    let privlevelFloor: String?
    /// What the hardware makes of 64 bytes.
    let report: @Sendable ([UInt8]) -> [UInt8]

    init(
        provider: String? = nil, auxblob: [UInt8]? = nil, privlevelFloor: String? = nil, files: [String: [UInt8]] = [:],
        report: @escaping @Sendable ([UInt8]) -> [UInt8] = { [4, 0] + Array("report".utf8) + $0 }
    ) {
        self.report = report
        self.provider = provider
        self.auxblob = auxblob
        self.privlevelFloor = privlevelFloor
        state = Mutex(State(files: files))
    }

    private static let root = "/sys/kernel/config/tsm/report/"

    func read(_ path: String, limit: Int) throws(KernelError) -> [UInt8] {
        let bytes = try state.withLock { (state) throws(KernelError) in try read(path, &state) }
        guard bytes.count <= limit else { throw KernelError(EFBIG) }
        return bytes
    }

    private func read(_ path: String, _ state: inout State) throws(KernelError) -> [UInt8] {
        if path == "/dev/attestation/quote", state.files[path] != nil {
            return report(state.files["/dev/attestation/user_report_data"] ?? [])
        }
        if let bytes = state.files[path] { return bytes }
        guard let provider, path.hasPrefix(Self.root), let slash = path.lastIndex(of: "/"),
            state.directories.contains(String(path[..<slash]))
        else { throw .noEntry }
        switch path[path.index(after: slash)...] {
        case "provider": return Array("\(provider)\n".utf8)
        case "generation": return Array("\(state.generation)\n".utf8)
        case "privlevel_floor":
            guard let privlevelFloor else { throw .noEntry }
            return Array(privlevelFloor.utf8)
        case "outblob":
            if state.busyReads > 0 {
                state.busyReads -= 1
                throw KernelError(EBUSY)
            }
            if state.interloperWrites > 0 {
                state.interloperWrites -= 1
                state.generation += 1
            }
            guard state.inblob.count == 64 else { throw KernelError(EINVAL) }
            return report(state.inblob)
        case "auxblob":
            guard let auxblob else { throw .noEntry }
            return auxblob
        default: throw .noEntry
        }
    }

    func write(_ bytes: [UInt8], to path: String) throws(KernelError) {
        try state.withLock { (state) throws(KernelError) in
            if path == "/dev/attestation/user_report_data", state.files[path] != nil {
                state.files[path] = bytes
                return
            }
            guard let slash = path.lastIndex(of: "/"), state.directories.contains(String(path[..<slash])) else {
                throw .noEntry
            }
            switch path[path.index(after: slash)...] {
            case "inblob": state.inblob = bytes
            case "privlevel": state.privlevel = bytes
            default: throw KernelError(EACCES)
            }
            state.generation += 1
        }
    }

    func makeDirectory(_ path: String) throws(KernelError) {
        try state.withLock { (state) throws(KernelError) in
            guard provider != nil, path.hasPrefix(Self.root) else { throw .noEntry }
            guard state.directories.insert(path).inserted else { throw KernelError(EEXIST) }
            state.everMade.append(path)
        }
    }

    func removeDirectory(_ path: String) throws(KernelError) {
        try state.withLock { (state) throws(KernelError) in
            guard state.directories.remove(path) != nil else { throw .noEntry }
        }
    }
}

@Suite("Hardware evidence")
struct HardwareEvidenceTests {
    static let reportData = (0..<64).map { UInt8($0) }

    @Test("A machine without a TEE gives an error for each kind", arguments: [TEEKind.sgx, .tdx, .snp, .nitro])
    func absent(kind: TEEKind) throws {
        let error = #expect(throws: EvidenceSourceError.self) {
            switch kind {
            case .sgx: _ = try GramineEvidence(files: ModelKernel())
            case .nitro:
                _ = try NitroEvidence(module: ModelModule { _ throws(KernelError) in throw KernelError(ENOENT) })
            default: _ = try ConfigfsEvidence(kind, files: ModelKernel())
            }
        }
        #expect(error?.code == .absent)
    }

    @Test("Gramine's quote covers the report data; other attestation types are refused")
    func gramine() throws {
        var files: [String: [UInt8]] = [
            "/dev/attestation/attestation_type": Array("dcap".utf8), "/dev/attestation/user_report_data": [],
            "/dev/attestation/quote": [],
        ]
        let source = try GramineEvidence(files: ModelKernel(files: files))
        #expect(source.kind == .sgx)
        #expect(
            try source.evidence(reportData: Self.reportData).evidence == [4, 0] + Array("report".utf8) + Self.reportData
        )
        files["/dev/attestation/attestation_type"] = Array("none".utf8)
        let error = #expect(throws: EvidenceSourceError.self) { try GramineEvidence(files: ModelKernel(files: files)) }
        #expect(error?.code == .absent)
    }

    @Test("A TDX quote covers the report data, and the report directory is removed afterwards")
    func tdx() throws {
        let kernel = ModelKernel(provider: "tdx_guest")
        let source = try ConfigfsEvidence(.tdx, files: kernel)
        let evidence = try source.evidence(reportData: Self.reportData)
        #expect(evidence.evidence == [4, 0] + Array("report".utf8) + Self.reportData)
        #expect(evidence.collateral.isEmpty)
        kernel.state.withLock {
            #expect($0.directories.isEmpty)
            #expect(Set($0.everMade).count == 2)
        }
    }

    @Test("The report's provider must match the TEE")
    func wrongProvider() throws {
        for (kind, provider) in [(TEEKind.snp, "tdx_guest"), (.tdx, "sev_guest"), (.tdx, "arm_cca_guest")] {
            let error = #expect(throws: EvidenceSourceError.self) {
                try ConfigfsEvidence(kind, files: ModelKernel(provider: provider))
            }
            #expect(error?.code == .absent)
        }
    }

    @Test("A report is requested again, a limited number of times, if the kernel is busy or another process interfered")
    func races() throws {
        let kernel = ModelKernel(provider: "tdx_guest")
        let source = try ConfigfsEvidence(.tdx, files: kernel)
        kernel.state.withLock {
            $0.busyReads = 2
            $0.interloperWrites = 2
        }
        #expect(try source.evidence(reportData: Self.reportData).evidence.count == 72)
        kernel.state.withLock { #expect($0.busyReads == 0 && $0.interloperWrites == 0) }
        kernel.state.withLock { $0.interloperWrites = 100 }
        let error = #expect(throws: EvidenceSourceError.self) { try source.evidence(reportData: Self.reportData) }
        #expect(error?.code == .failed)
        kernel.state.withLock { #expect($0.interloperWrites == 95 && $0.directories.isEmpty) }
    }

    /// A table of one VCEK in DER, an intermediate in PEM and a root, as a host gives it.
    private static func table() -> [UInt8] {
        let vcek: [UInt8] = [0x30, 1, 2]
        let intermediate = Array("-----BEGIN CERTIFICATE-----".utf8)
        let root: [UInt8] = [0x30, 9]
        func entry(_ guid: [UInt8], _ offset: Int, _ count: Int) -> [UInt8] {
            guid + [UInt8(offset), 0, 0, 0, UInt8(count), 0, 0, 0]
        }
        return entry(
            [0x63, 0xda, 0x75, 0x8d, 0xe6, 0x64, 0x45, 0x64, 0xad, 0xc5, 0xf4, 0xb9, 0x3b, 0xe8, 0xac, 0xcd], 96, 3)
            + entry(
                [0x4a, 0xb7, 0xb3, 0x79, 0xbb, 0xac, 0x4f, 0xe4, 0xa0, 0x2f, 0x05, 0xae, 0xf3, 0x27, 0xc7, 0x82], 99,
                intermediate.count)
            + entry(
                [0xc0, 0xb4, 0x06, 0xa4, 0xa8, 0x03, 0x49, 0x52, 0x97, 0x43, 0x3f, 0xb6, 0x01, 0x4c, 0xd0, 0xae], 126, 2
            )
            + [UInt8](repeating: 0, count: 24) + vcek + intermediate + root
    }

    @Test("SNP certificates become collateral by role, without the root; a malformed table gives none")
    func snp() throws {
        func collateral(_ table: [UInt8]) throws -> [CollateralRole: [UInt8]] {
            let kernel = ModelKernel(provider: "sev_guest", auxblob: table, privlevelFloor: "2\n")
            let evidence = try ConfigfsEvidence(.snp, files: kernel).evidence(reportData: Self.reportData)
            kernel.state.withLock { #expect($0.privlevel == Array("2".utf8)) }
            return evidence.collateral
        }
        let expected: [CollateralRole: [UInt8]] = [
            .vcek: [0x30, 1, 2], .intermediate: Array("-----BEGIN CERTIFICATE-----".utf8),
        ]
        #expect(try collateral(Self.table()) == expected)
        #expect(try collateral([]).isEmpty)
        #expect(try collateral(Array(Self.table().prefix(50))).isEmpty)
        var outside = Self.table()
        outside[16] = 0xFF
        #expect(try collateral(outside).isEmpty)
        var tooLong = Self.table()
        tooLong[23] = 0xFF
        #expect(try collateral(tooLong).isEmpty)
    }

    @Test("Real files are read to their end and within their limit")
    func machineFiles() throws {
        let files = MachineFiles()
        #expect(try files.read("/proc/self/comm", limit: 100).isEmpty == false)
        #expect(throws: KernelError(ENOENT)) { try files.read("/nonexistent", limit: 1) }
        #expect(throws: KernelError(EFBIG)) { try files.read("/proc/self/maps", limit: 10) }
        #expect(throws: KernelError(ENOENT)) { try files.write([1], to: "/nonexistent/file") }
        #expect(throws: KernelError(ENOENT)) { try files.makeDirectory("/nonexistent/folder") }
        #expect(throws: KernelError(ENOENT)) { try files.removeDirectory("/nonexistent") }
    }

    /// A model of the Nitro security module.
    struct ModelModule: NitroSecurityModule {
        let answer: @Sendable ([UInt8]) throws(KernelError) -> [UInt8]
        func exchange(_ request: [UInt8], limit: Int) throws(KernelError) -> [UInt8] { try answer(request) }
    }

    @Test("A Nitro document is requested with the report data as user data, and extracted from the response")
    func nitro() throws {
        let document = [UInt8](repeating: 0x84, count: 4000)
        // {"Attestation": {"user_data": h'..', "nonce": null, "public_key": null}}, from RFC 8949 by hand.
        let expected =
            [0xA1, 0x6B] + Array("Attestation".utf8) + [0xA3, 0x69] + Array("user_data".utf8) + [0x58, 0x40]
            + Self.reportData + [0x65] + Array("nonce".utf8) + [0xF6, 0x6A] + Array("public_key".utf8) + [0xF6]
        let source = try NitroEvidence(
            module: ModelModule { request throws(KernelError) in
                guard request == expected else { return [0xA1, 0x6B] + Array("DescribeNSM".utf8) + [0xA0] }
                return [0xA1, 0x6B] + Array("Attestation".utf8) + [0xA1, 0x68] + Array("document".utf8)
                    + [0x59, 0x0F, 0xA0] + document
            })
        #expect(try source.evidence(reportData: Self.reportData).evidence == document)
    }

    @Test("Any other response of the module is an error")
    func nitroFailures() throws {
        let head = [0xA1, 0x6B] + Array("Attestation".utf8) + [0xA1, 0x68] + Array("document".utf8)
        let answers: [[UInt8]] = [
            [], [0xA1, 0x65] + Array("Error".utf8) + [0x6D] + Array("InternalError".utf8), head, head + [0x59, 0x01],
            head + [0x59, 0x01, 0x00, 1], head + [0x41, 1],
            head + [0x59, 0x01, 0x00] + [UInt8](repeating: 1, count: 257),
        ]
        for answer in answers {
            let source = try NitroEvidence(module: ModelModule { _ throws(KernelError) in answer })
            let error = #expect(throws: EvidenceSourceError.self) { try source.evidence(reportData: Self.reportData) }
            #expect(error?.code == .failed)
        }
    }
}
