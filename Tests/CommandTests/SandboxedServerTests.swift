// SPDX-License-Identifier: Apache-2.0
import Foundation
import TestSupport
import Testing

@Suite("The server's sandbox")
struct SandboxedServerTests {
    private func status(_ process: pid_t, _ name: String) throws -> String? {
        try String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8).split(separator: "\n")
            .first { $0.hasPrefix(name + ":") }?.split(separator: "\t").last.map(String.init)
    }

    @Test(
        "Server and enclave run in the sandbox with the process identifiers of their start",
        .enabled(if: KernelFeatures.hasWholeSandbox, "this kernel lacks Landlock 4 or seccomp"))
    func serving() throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let server = try Server(provisioned: deployment, options: ["--sandbox", "required"])
        #expect(try status(server.program.identifier, "NoNewPrivs") == "1")
        let enclave = try #require(server.program.children.first)
        #expect(try status(enclave, "NoNewPrivs") == "1" && status(enclave, "Seccomp") == "2")
        #expect(try deployment.classify(server.url, [Demo.clients[0].0])[0][0].name == Demo.clients[0].1)
        // Another enclave can be started in it.
        kill(enclave, SIGKILL)
        try server.program.wait(until: "new enclave") {
            server.program.children.first.map { $0 != enclave } == true && (try? server.state()) == "unprovisioned"
        }
        try succeed(deployment.provisionArguments(server.url), in: deployment.folder)
        #expect(try deployment.classify(server.url, [Demo.clients[1].0])[0][0].name == Demo.clients[1].1)
        #expect(!server.program.errors.contains("not in the sandbox"))
        #expect(try server.stop().status == 0)
    }

    @Test(
        "A sandboxed server refuses a bundle outside its folders, and an unsandboxed one accepts it",
        .enabled(if: KernelFeatures.landlockVersion > 0, "this kernel lacks Landlock"), arguments: [true, false])
    func folders(isConfined: Bool) throws {
        let (folder, outside) = (try TemporaryFolder(), try TemporaryFolder())
        let deployment = try Deployment(cuts: Demo.everythingInside, in: folder)
        let other = try Deployment(cuts: Demo.everythingInside, name: "other", in: outside)
        let path = folder.file("serve.json")
        func write(_ bundles: [String]) throws {
            let members: [String: Any] = [
                "bundles": bundles, "tee": "development", "listen": "127.0.0.1:0", "admin-listen": "none",
                "threads": 1, "sandbox": isConfined ? "available" : "none",
            ]
            try JSONSerialization.data(withJSONObject: members).write(to: URL(filePath: path))
        }
        try write([deployment.bundle])
        let program = try Program(
            [
                "-c", "\(ReplicaTests.detached) \"$0\" \"$@\"", Program.products + "/infenclave", "serve", "--config",
                path,
            ],
            in: folder, executable: "/bin/sh")
        try program.wait(until: "address") { program.errors.contains(" at http://") }
        try write([deployment.bundle, other.bundle])
        kill(program.identifier, SIGHUP)
        if isConfined {
            try program.wait(until: "refusal") {
                program.errors.contains("\(other.bundle) cannot be used, and the served bundle stays")
            }
            #expect(program.errors.contains("Permission denied"), "\(program.errors)")
            #expect(!program.errors.contains("/models/other") && program.children.count == 1)
        } else {
            try program.wait(until: "second model") {
                program.errors.contains("serving classifier at /models/other")
            }
        }
        kill(program.identifier, SIGTERM)
        #expect(try program.wait().status == 0)
    }

    @Test("The enclave process has no sandbox if its host disables it")
    func none() throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let server = try Server(deployment, options: ["--sandbox", "none"])
        let enclave = try #require(server.program.children.first)
        let own = try status(getpid(), "Seccomp")
        #expect(try status(enclave, "Seccomp") == own)
    }

    @Test("If an enclave process makes a forbidden system call, the log states that it was killed for it")
    func ending() throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let server = try Server(deployment)
        let enclave = try #require(server.program.children.first)
        kill(enclave, SIGSYS)
        try server.program.wait(until: "line of the log") {
            server.program.errors.contains("a system call that its sandbox forbids")
        }
    }
}
