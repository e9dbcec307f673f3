// SPDX-License-Identifier: Apache-2.0
import EnclavePlatform
import Evidence
import FrameStream
import Glibc
import Sandbox
import TestSupport
import Testing
import Wire

/// Runs the probe to its end.
///
/// - Returns: The exit code, or 128 and the signal.
private func probe(_ words: String...) throws -> Int32 {
    let executable = EnclaveProcess.executable.replacing("infenclave-enclave", with: "SandboxProbe")
    var argv: [UnsafeMutablePointer<CChar>?] = ([executable] + words).map { strdup($0 as String) } + [nil]
    defer { for argument in argv { free(argument) } }
    // Swift's own handler of crashes would start another program.
    var environment: [UnsafeMutablePointer<CChar>?] = [strdup("SWIFT_BACKTRACE=enable=no"), nil]
    defer { for variable in environment { free(variable) } }
    if let libraries = getenv("LD_LIBRARY_PATH") {
        environment.insert(strdup("LD_LIBRARY_PATH=" + String(cString: libraries)), at: 0)
    }
    var identifier: pid_t = 0
    let code = posix_spawn(&identifier, executable, nil, nil, &argv, &environment)
    guard code == 0 else { throw Unexpected("\(executable) cannot be started: errno \(code)") }
    var status: Int32 = 0
    while waitpid(identifier, &status, 0) < 0, errno == EINTR {}
    return status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F)
}

@Suite("The sandbox", .enabled(if: KernelFeatures.hasWholeSandbox, "this kernel lacks Landlock 4 or seccomp"))
struct SandboxTests {
    private static let killed = 128 + SIGSYS

    @Test(
        "A process enters the whole sandbox if the kernel supports all of it",
        arguments: ["development", "nitro", "snp"])
    func entered(_ kind: String) throws { #expect(try probe(kind, "nothing") == 0) }

    @Test(
        "Actions that the enclave never needs end the process",
        arguments: [
            "socket", "unixSocket", "run", "fork", "signal", "attach", "read memory", "file in memory",
        ], ["development", "nitro"])
    func deadly(_ attempt: String, _ kind: String) throws {
        #expect(try probe(kind, attempt, "/bin/true") == Self.killed)
    }

    @Test(
        "The development TEE's process opens no file and reads no file's attributes",
        arguments: ["read", "write", "make", "remove", "status", "raise limit"])
    func files(_ attempt: String) throws {
        #expect(try probe("development", attempt, "/etc/passwd") == EPERM)
    }

    @Test(
        "A process whose evidence comes from a device opens no other file",
        arguments: ["tdx", "snp", "nitro", "az-snp"])
    func otherFiles(_ kind: String) throws {
        for path in ["/etc/passwd", "/proc/self/mem", "/dev/null", "/"] {
            #expect(try probe(kind, "read", path) == EACCES)
        }
        #expect(try probe(kind, "make", "/tmp/infenclave-sandbox-probe") == EACCES)
        #expect(try probe(kind, "remove", "/etc/passwd") == EACCES)
    }

    @Test("An allowed folder is readable with everything below it, and nothing beside it is")
    func folder() throws {
        #expect(try probe("folder:/etc", "read", "/etc/passwd") == 0)
        #expect(try probe("folder:/etc", "write", "/etc/passwd") == EACCES)
        #expect(try probe("folder:/etc", "read", "/usr") == EACCES)
        // A process that may make all system calls keeps sockets.
        #expect(try probe("folder:/etc", "socket") == 0)
    }

    @Test(
        "Threads, generated code, random numbers and memory locks remain allowed",
        arguments: ["thread", "code", "random", "lock"])
    func needed(_ attempt: String) throws { #expect(try probe("development", attempt) == 0) }

    @Test("A process can end itself")
    func endsItself() throws { #expect(try probe("development", "abort") == 128 + SIGABRT) }

    @Test("Under Gramine no additional sandbox is used: the manifest restricts the enclave")
    func gramine() throws {
        #expect(EnclaveSandbox.sandbox(for: .sgx) == nil)
        #expect(try Sandbox(paths: [], calls: .enclave).enter(.none) == [])
    }

    @Test("Every thread of a serving enclave is in the sandbox, unless its host disables it")
    func serving() throws {
        var generator = SystemRandomNumberGenerator()
        let keyFile = "/tmp/infenclave-test-\(String(generator.next() as UInt64, radix: 36))"
        defer { unlink(keyFile) }
        func status(_ options: [String]) throws -> [String] {
            let process = try EnclaveProcess(
                ["--tee", "development", "--development-key", keyFile, "--workers", "2"] + options)
            _ = try process.send(.hello(versions: FrameHeader.versions))
            let folder = "/proc/\(process.identifier)/task"
            guard let tasks = opendir(folder) else { throw Unexpected("no \(folder)") }
            defer { closedir(tasks) }
            var lines: [String] = []
            while let entry = readdir(tasks) {
                let name = withUnsafeBytes(of: entry.pointee.d_name) {
                    String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
                }
                guard Int(name) != nil else { continue }
                let text = String(
                    decoding: try MachineFiles().read("\(folder)/\(name)/status", limit: 1 << 16), as: UTF8.self)
                let found = text.split(separator: "\n").filter {
                    $0.hasPrefix("Seccomp:") || $0.hasPrefix("NoNewPrivs:")
                }
                lines.append(found.map { $0.split(separator: "\t").last ?? "" }.joined(separator: " "))
            }
            return lines
        }
        let confined = try status(["--sandbox", "required"])
        #expect(confined.count > 2 && confined.allSatisfy { $0 == "1 2" }, "\(confined)")
        #expect(try status([]).allSatisfy { $0 == "1 2" })
        #expect(try status(["--sandbox", "none"]).contains { !$0.hasSuffix("2") })
    }
}
