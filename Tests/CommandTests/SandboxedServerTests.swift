import Foundation
import TestSupport
import Testing

@Suite("The sandbox of a server")
struct SandboxedServerTests {
    private func status(_ process: pid_t, _ name: String) throws -> String? {
        try String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8).split(separator: "\n")
            .first { $0.hasPrefix(name + ":") }?.split(separator: "\t").last.map(String.init)
    }

    /// Landlock's version, as a server in demand of all of it finds it.
    private static let isWhole: Bool = {
        guard let folder = try? TemporaryFolder(), let deployment = try? Deployment(in: folder) else { return false }
        return (try? Server(deployment, options: ["--sandbox", "required"])) != nil
    }()

    @Test(
        "Server and enclave serve in it under the process identifiers that they were started with",
        .enabled(if: isWhole, "this kernel lacks Landlock 4 or seccomp"))
    func serving() throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let server = try Server(provisioned: deployment, options: ["--sandbox", "required"])
        #expect(try status(server.program.identifier, "NoNewPrivs") == "1")
        let enclave = try #require(server.program.children.first)
        #expect(try status(enclave, "NoNewPrivs") == "1" && status(enclave, "Seccomp") == "2")
        #expect(try deployment.classify(server.url, [Demo.clients[0].0])[0][0].name == Demo.clients[0].1)
        // Another enclave can be started in it.
        kill(enclave, SIGKILL)
        try server.program.wait(upTo: 60, until: "new enclave") {
            server.program.children.first.map { $0 != enclave } == true && (try? server.state()) == "unprovisioned"
        }
        try succeed(deployment.provisionArguments(server.url), in: deployment.folder)
        #expect(try deployment.classify(server.url, [Demo.clients[1].0])[0][0].name == Demo.clients[1].1)
        #expect(!server.program.errors.contains("not in the sandbox"))
        #expect(try server.stop().status == 0)
    }

    @Test("It is left out where its host says so")
    func none() throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let server = try Server(deployment, options: ["--sandbox", "none"])
        let enclave = try #require(server.program.children.first)
        let own = try status(getpid(), "Seccomp")
        #expect(try status(enclave, "Seccomp") == own)
    }

    @Test("An enclave's process that makes a forbidden system call is said to have been killed for it")
    func ending() throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let server = try Server(deployment)
        let enclave = try #require(server.program.children.first)
        kill(enclave, SIGSYS)
        try server.program.wait(upTo: 60, until: "line of the log") {
            server.program.errors.contains("a system call that its sandbox forbids")
        }
    }
}
