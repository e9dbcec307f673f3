import Foundation
import FrameStream
import Glibc
import Sandbox

/// The sandbox of `serve`: it reads its bundles, programs and libraries, and writes where the development TEE's key is. The
/// enclave's process inherits it, and adds its own.
enum HostSandbox {
    /// Says in the second start what the first one found missing, behind the process identifier, which stays the same: whoever
    /// sets the variable for a service does not switch its sandbox off.
    private static let variable = "INFENCLAVE_IN_SANDBOX"

    /// Enters the sandbox and starts this program anew in it, under the same process identifier: what is forbidden is forbidden to
    /// the calling thread, and libraries have begun others by now.
    ///
    /// - Returns: In the second start, what this kernel lacks.
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
        // Another program may lie there by now.
        execv("/proc/self/exe", CommandLine.unsafeArgv)
        throw CommandFailure(
            "sandbox", "this program cannot be started again in its sandbox: \(String(cString: strerror(errno)))",
            remedy: "start it with --sandbox none where the sandbox is somebody else's affair")
    }

    /// What a server needs.
    ///
    /// - Parameters:
    ///   - bundles: Read from their folders, so that a bundle that takes the place of another one can be read, too.
    ///   - enclave: The enclave's executable, if it is this program that starts it.
    ///   - written: Files that may be made anew in their folders.
    static func paths(bundles: [String], enclave: String?, written: [String]) -> [SandboxPath] {
        let programs = ["/usr", "/lib", "/lib64"] + loadedFolders() + [enclave.map(folder)].compactMap { $0 }
        // Where they are links, a name server's configuration lies elsewhere.
        let network = ["/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf"].map(folder)
        return programs.map { SandboxPath($0, [.read, .execute]) }
            // Configuration of resolver and loader; what the kernel says of processors and limits.
            + Set(["/etc", "/run/systemd/resolve", "/proc", "/sys"] + network).map { SandboxPath($0, .read) }
            // Devices of TEEs, and the reports of SNP and TDX.
            + [SandboxPath("/dev", [.read, .write, .command])]
            + [SandboxPath("/sys/kernel/config/tsm", [.read, .write, .change])]
            + Set(bundles.flatMap(folders)).map { SandboxPath($0, .read) }
            + Set(written.map(folder)).map { SandboxPath($0, [.read, .write, .change]) }
    }

    /// Of a link, both its own and that of what it names: another link may take its place.
    private static func folders(of path: String) -> [String] {
        [URL(filePath: path).deletingLastPathComponent().path, folder(of: path)]
    }

    private static func folder(of path: String) -> String {
        URL(filePath: path).resolvingSymlinksInPath().deletingLastPathComponent().path
    }

    /// The folders of this program and of the libraries that it has loaded, wherever they are installed; of links, both.
    private static func loadedFolders() -> [String] {
        let program = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().path
        let files = [program] + LoadedLibraries.paths
        let folders = files.map { URL(filePath: $0).deletingLastPathComponent().path } + files.map(folder)
        return Set(folders).sorted()
    }
}
