// SPDX-License-Identifier: Apache-2.0
import CBoot
import Glibc

/// The enclave's executable as the first process of a machine: it prepares the machine, runs the enclave as a process of its
/// own, and ends the machine with it, so that a host can start the enclave again only by booting the measured image.
package enum FirstProcess {
    /// Whether this is the first process of a machine. A container's first process has options; a kernel passes to its
    /// first process only the words of its command line that it does not recognise.
    package static var isThisProcess: Bool {
        getpid() == 1 && CommandLine.arguments.dropFirst().first?.hasPrefix("--") != true
    }

    /// Runs the machine to its end.
    package static func run() -> Never {
        var end = BootConfiguration.End.reboot
        do throws(BootError) {
            try Machine.mountInterfaces()
            let configuration = try configuration()
            end = configuration.end
            try Machine.loadModules()
            try Machine.mountReports()
            try Machine.seedGenerator()
            if let address = configuration.heartbeat { try Machine.sendHeartbeat(to: address) }
            say("the enclave ended (\(try runEnclave(configuration.arguments))); the machine ends with it")
        } catch { say("the enclave is not started on this machine: \(error.message)") }
        cboot_end(end == .powerOff ? 1 : 0)
    }

    private static func configuration() throws(BootError) -> BootConfiguration {
        let line: [UInt8]
        do throws(KernelError) {
            line = try MachineFiles().read("/proc/cmdline", limit: BootConfiguration.maximumBytes)
        } catch {
            throw BootError("/proc/cmdline cannot be read: \(String(cString: strerror(error.number)))")
        }
        return try BootConfiguration(commandLine: line)
    }

    /// - Returns: How it ended.
    private static func runEnclave(_ arguments: [String]) throws(BootError) -> String {
        let words = ["infenclave-enclave"] + arguments
        var argv: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0 as String) } + [nil]
        // The environment that the kernel made from its command line is not passed on.
        var environment: [UnsafeMutablePointer<CChar>?] =
            ["LANG=C", "SWIFT_BACKTRACE=enable=no"].map { strdup($0 as String) } + [nil]
        defer { for text in argv + environment { free(text) } }
        var identifier: pid_t = 0
        let failure = posix_spawn(&identifier, "/proc/self/exe", nil, nil, &argv, &environment)
        guard failure == 0 else {
            throw BootError("the enclave cannot be started: \(String(cString: strerror(failure)))")
        }
        var status: Int32 = 0
        // Orphaned processes become children of the first process.
        while true {
            let ended = waitpid(-1, &status, 0)
            if ended == identifier { break }
            guard ended > 0 || errno == EINTR else { return "lost" }
        }
        return status & 0x7F == 0 ? "status \((status >> 8) & 0xFF)" : "signal \(status & 0x7F)"
    }

    private static func say(_ message: String) {
        let line = Array("infenclave-enclave: \(message)\n".utf8)
        _ = line.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
