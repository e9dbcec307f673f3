// SPDX-License-Identifier: Apache-2.0
import Crypto
import Evidence
import Foundation
import InfenclaveClient

/// The program that runs inside the TEE, installed beside this one.
struct EnclaveExecutable {
    let path: String

    /// - Parameter path: A path other than that of the `infenclave-enclave` beside this program.
    init(_ path: String? = nil) throws {
        let own = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
        let resolved = path ?? own.deletingLastPathComponent().appending(path: "infenclave-enclave").path
        guard FileManager.default.isExecutableFile(atPath: resolved) else {
            throw CommandFailure(
                "enclave", "\(resolved) is not an executable file",
                remedy: "build it with `make build`, or name it with --enclave FILE")
        }
        self.path = URL(filePath: resolved).path
    }

    /// The measurement in development evidence of this executable: SHA-384 of the file, computed here and not by the
    /// measured program.
    func measurement() throws -> String { SHA384.hash(data: try InputFile.read(path)).hex }

    /// The public half of a development key; the key is generated if the file does not exist.
    func developmentKey(_ file: String) throws -> String { try line(["--print-development-key", file]) }

    /// The kind of TEE that the enclave program detects. It is run to find out, because under Gramine only that program
    /// runs inside.
    ///
    /// - Throws: ``CommandFailure`` that says what was looked for.
    func detectedTEE() throws -> TEEKind {
        guard let kind = TEEKind(rawValue: try line(["--detect"])), kind != .development else {
            throw CommandFailure("enclave", "\(path) found a TEE that is not known", remedy: "name it with --tee KIND")
        }
        return kind
    }

    /// Evidence of this machine with arbitrary report data.
    func report(_ tee: TEEKind) throws -> [UInt8] {
        guard let evidence = [UInt8](hex: try line(["--report", tee.rawValue])) else {
            throw CommandFailure("enclave", "\(path) printed something else than evidence")
        }
        return evidence
    }

    /// The arguments with which the host starts it.
    ///
    /// - Parameter sandbox: The restrictions that its process must apply to itself; `nil` for those that its kernel
    ///   supports.
    func arguments(
        tee: TEEKind, developmentKey: String?, workers: Int, threads: Int, alone: Int, sandbox: String? = nil
    ) -> [String] {
        ["--tee", tee.rawValue] + (developmentKey.map { ["--development-key", $0] } ?? [])
            + (sandbox.map { ["--sandbox", $0] } ?? [])
            + ["--workers", String(workers), "--threads", String(threads), "--threads-alone", String(alone)]
    }

    private func line(_ arguments: [String]) throws -> String {
        let run = try ToolRun(path, arguments, keepsComplaint: true)
        guard run.succeeded else {
            throw CommandFailure("enclave", run.complaint.trimmingCharacters(in: .whitespacesAndNewlines))
        }
        return run.text.trimmingCharacters(in: .whitespacesAndNewlines)
    }
}

/// The key with which this machine signs development evidence. It proves nothing beyond itself.
enum DevelopmentKeyFile {
    static func defaultPath() throws -> String {
        do throws(ClientError) { return try StateFolder.file("development-tee.key") } catch {
            throw CommandFailure("file", error.message, remedy: "name another file with --development-key FILE")
        }
    }
}
