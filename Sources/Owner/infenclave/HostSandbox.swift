// SPDX-License-Identifier: Apache-2.0
import Foundation
import FrameStream
import Glibc
import Sandbox

/// The sandbox of `serve`: it may read its bundles, programs and libraries, and write where the development TEE's key
/// is. The enclave's process inherits it, and adds its own.
enum HostSandbox {
    /// Passes to the restarted program what this kernel lacks, prefixed with the process identifier, which stays the
    /// same. So setting the variable for a service does not switch its sandbox off.
    private static let variable = "INFENCLAVE_IN_SANDBOX"

    /// Enters the sandbox and restarts this program in it, with the same process identifier. The restart is needed
    /// because restrictions apply to the calling thread only, and libraries have started other threads by now.
    ///
    /// - Returns: In the restarted program, what this kernel lacks.
    /// - Throws: ``SandboxError``, ``CommandFailure``.
    static func enter(_ demand: Sandbox.Demand, _ paths: [SandboxPath]) throws -> [String] {
        let found = ProcessInfo.processInfo.environment[variable]?.split(separator: "\n").map(String.init) ?? []
        unsetenv(variable)
        if found.first == "\(getpid())", Sandbox.isEntered { return Array(found.dropFirst()) }
        guard demand != .none else { return [] }
        let missing = try Sandbox(paths: paths, calls: .all).enter(demand)
        setenv(variable, (["\(getpid())"] + missing).joined(separator: "\n"), 1)
        let program = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().path
        execv(program, CommandLine.unsafeArgv)
        // The path may lead to another program by now.
        execv("/proc/self/exe", CommandLine.unsafeArgv)
        throw CommandFailure(
            "sandbox", "this program cannot be started again in its sandbox: \(String(cString: strerror(errno)))",
            remedy: "start it with --sandbox none if something else confines it")
    }

    /// The paths that a server needs.
    ///
    /// - Parameters:
    ///   - bundles: Their folders are readable, so that a bundle that replaces another one can be read, too.
    ///   - enclave: The enclave's executable, if this program starts it.
    ///   - written: Files that may be created in their folders.
    static func paths(bundles: [String], enclave: String?, written: [String]) -> [SandboxPath] {
        let programs = ["/usr", "/lib", "/lib64"] + loadedFolders() + [enclave.map(folder)].compactMap { $0 }
        // If these are links, a name server's configuration is elsewhere.
        let network = ["/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf"].map(folder)
        return programs.map { SandboxPath($0, [.read, .execute]) }
            // Configuration of resolver and loader; the kernel's files about processors and limits.
            + Set(["/etc", "/run/systemd/resolve", "/proc", "/sys"] + network).map { SandboxPath($0, .read) }
            // Devices of TEEs, and the reports of SNP and TDX.
            + [SandboxPath("/dev", [.read, .write, .command])]
            + [SandboxPath("/sys/kernel/config/tsm", [.read, .write, .change])]
            + Set(bundles.flatMap(folders)).map { SandboxPath($0, .read) }
            + Set(written.map(folder)).map { SandboxPath($0, [.read, .write, .change]) }
    }

    /// For a link, its own folder and that of its target: another link may replace it.
    private static func folders(of path: String) -> [String] {
        [URL(filePath: path).deletingLastPathComponent().path, folder(of: path)]
    }

    private static func folder(of path: String) -> String {
        URL(filePath: path).resolvingSymlinksInPath().deletingLastPathComponent().path
    }

    /// The folders of this program and of the libraries that it has loaded, wherever they are installed; for links,
    /// both folders.
    private static func loadedFolders() -> [String] {
        let program = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().path
        let files = [program] + LoadedLibraries.paths
        let folders = files.map { URL(filePath: $0).deletingLastPathComponent().path } + files.map(folder)
        return Set(folders).sorted()
    }
}
