import Crypto
import Evidence
import Foundation

/// The program that runs inside the TEE, beside this one.
struct EnclaveExecutable {
    let path: String

    /// - Parameter path: Another one than the `infenclave-enclave` beside this program.
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

    /// The measurement that development evidence of this executable states: SHA-384 of the file, computed here, not by
    /// the program that it is about.
    func measurement() throws -> String { SHA384.hash(data: try InputFile.read(path)).hexadecimal }

    /// The public half of a development key, which is made if the file does not exist.
    func developmentKey(_ file: String) throws -> String { try line(["--print-development-key", file]) }

    /// How the host starts it.
    func arguments(tee: TEEKind, developmentKey: String?, threads: Int) -> [String] {
        ["--tee", tee.rawValue] + (developmentKey.map { ["--development-key", $0] } ?? [])
            + ["--threads", String(threads)]
    }

    private func line(_ arguments: [String]) throws -> String {
        let process = Process()
        process.executableURL = URL(filePath: path)
        process.arguments = arguments
        process.standardInput = FileHandle.nullDevice
        let (output, errors) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        let complaint = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw CommandFailure("enclave", complaint.trimmingCharacters(in: .whitespacesAndNewlines))
        }
        return text.trimmingCharacters(in: .whitespacesAndNewlines)
    }
}

/// The key with which this machine signs development evidence. It stands for nothing but itself.
enum DevelopmentKeyFile {
    /// `$XDG_STATE_HOME/infenclave/development-tee.key`, its folder made when it is missing.
    static func defaultPath() throws -> String {
        let environment = ProcessInfo.processInfo.environment
        let state =
            environment["XDG_STATE_HOME"].flatMap { $0.isEmpty ? nil : URL(filePath: $0) }
            ?? FileManager.default.homeDirectoryForCurrentUser.appending(path: ".local/state")
        let folder = state.appending(path: "infenclave")
        do {
            try FileManager.default.createDirectory(
                at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw CommandFailure(
                "file", "\(folder.path) cannot be made", remedy: "name another file with --development-key FILE")
        }
        return folder.appending(path: "development-tee.key").path
    }
}
