// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import Testing

@Suite("An enclave that connects to its host", .serialized)
struct EnclaveAtTests {
    private func classifies(_ deployment: Deployment, _ server: Server) throws {
        try succeed(deployment.provisionArguments(server.url), in: deployment.folder)
        #expect(try deployment.classify(server.url, [Demo.clients[0].0])[0][0].name == Demo.clients[0].1)
    }

    /// The enclave on its standard streams, as it runs under Gramine.
    private func enclave(_ deployment: Deployment) -> String {
        let key = deployment.folder.file("programs") + "/infenclave/development-tee.key"
        return
            "\(Program.products)/infenclave-enclave --tee development --development-key \(key) --threads 1 --connect stdio"
    }

    @Test("serve starts the enclave with the given command, connects it to descriptor 3, and restarts it after a kill")
    func command() throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let server = try Server(deployment, options: ["--enclave-at", "exec \(enclave(deployment)) <&3 >&3"])
        for _ in 0..<2 {
            try server.program.wait(until: "enclave") { try server.state() == "unprovisioned" }
            try classifies(deployment, server)
            let enclaves = server.program.children
            try #require(enclaves.count == 1)
            kill(enclaves[0], SIGKILL)
            try server.program.wait(until: "end of the enclave") { try server.state() != "ready" }
        }
        #expect(try server.stop().status == 0)
        #expect(server.program.children.isEmpty)
    }

    @Test("If the command starts no enclave, the log states what it printed, and the command is retried")
    func wrongCommand() throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let server = try Server(deployment, options: ["--enclave-at", "echo no such machine >&2; exit 3"])
        try server.program.wait(until: "message") {
            server.program.errors.contains("it said: no such machine") && server.program.errors.contains("next try in")
        }
        #expect(try server.state() == "starting")
        #expect(try server.get("/health/ready").status == 503)
    }

    @Test("Over one lasting connection, as of a serial port, a killed enclave and a restarted host are replaced")
    func serialPort() throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let path = deployment.folder.file("enclave.sock")
        let options = ["--enclave-at", "unix:\(path)"]
        var server = try Server(deployment, options: options)
        #expect(try server.state() == "starting")
        #expect(try mode(of: path) == 0o600)
        // This program is the device: it holds the connection, whoever reads and writes it.
        func startDevice() throws -> Program {
            let script = """
                import os, socket, sys
                port = socket.socket(socket.AF_UNIX)
                port.connect(sys.argv[1])
                os.dup2(port.fileno(), 7)
                while True:
                    child = os.spawnv(os.P_NOWAIT, "/bin/sh", ["sh", "-c", "exec " + sys.argv[2] + " <&7 >&7"])
                    os.waitpid(child, 0)
                """
            return try Program(
                ["-c", script, path, enclave(deployment)], in: deployment.folder, executable: "/usr/bin/env",
                environment: [:], prefix: ["python3"])
        }
        let device = try startDevice()
        for _ in 0..<2 {
            try server.program.wait(until: "enclave") { try server.state() == "unprovisioned" }
            try classifies(deployment, server)
            let enclaves = device.children
            try #require(enclaves.count == 1)
            kill(enclaves[0], SIGKILL)
            try server.program.wait(until: "next run") { try server.state() == "unprovisioned" }
        }
        #expect(server.program.errors.contains("began anew"))
        // Another host at the same place: the enclave ends with its connection, and the next one dials.
        kill(server.program.identifier, SIGKILL)
        _ = try server.program.wait()
        kill(device.identifier, SIGKILL)
        _ = try device.wait()
        server = try Server(deployment, options: options)
        let other = try startDevice()
        try server.program.wait(until: "enclave") { try server.state() == "unprovisioned" }
        try classifies(deployment, server)
        _ = try server.stop()
        for child in other.children { kill(child, SIGKILL) }
    }

    @Test("An enclave in a TEE other than that of --tee is not served")
    func otherTEE() throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let program = try Program(
            [
                "serve", deployment.bundle, "--tee", "snp", "--listen", "127.0.0.1:0", "--admin-listen", "none",
                "--enclave-at", "exec \(enclave(deployment)) <&3 >&3",
            ], in: deployment.folder)
        try program.wait(until: "refusal") {
            program.errors.contains("says that it runs in development, expected snp")
        }
    }

    @Test(
        "Contradictory options are refused before anything is started",
        arguments: [
            ["--tee", "auto", "--enclave-at", "unix:/tmp/x"],
            ["--tee", "development", "--enclave-at", "unix:/tmp/x", "--development-key", "k"],
            ["--tee", "development", "--enclave-at", "vsock:x"], ["--tee", "development", "--enclave-at", "spwan"],
        ])
    func usage(arguments: [String]) throws {
        let outcome = try infenclave(["serve", "bundle"] + arguments, in: try TemporaryFolder())
        #expect(outcome.status == 64)
    }
}
