// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import TestSupport
import Testing

@Suite("Socket activation", .serialized)
struct SocketActivationTests {
    /// Both sockets, closed at the end: a server has its own descriptors of them.
    private final class Sockets {
        let clients: (descriptor: Int32, port: Int)
        let admin: (descriptor: Int32, port: Int)

        init() throws {
            clients = try Loopback.listen()
            admin = try Loopback.listen()
        }

        deinit {
            close(clients.descriptor)
            close(admin.descriptor)
        }
    }

    private func prefix(_ count: Int, _ names: String) -> String {
        "export LISTEN_PID=$$ LISTEN_FDS=\(count) LISTEN_FDNAMES=\(names); exec"
    }

    @Test(
        "A connection made before the server starts is answered afterwards, and so is one before a restart"
    )
    func activation() throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let sockets = try Sockets()
        let asked = "GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        for _ in 0..<2 {
            let early = try Loopback.connect(port: sockets.clients.port)
            defer { close(early) }
            #expect(Loopback.send(Array(asked.utf8), to: early))
            let server = try Server(
                deployment, prefix: prefix(2, "admin:clients"),
                descriptors: [sockets.admin.descriptor, sockets.clients.descriptor])
            #expect(server.port == sockets.clients.port && server.adminPort == sockets.admin.port)
            let answer = String(decoding: Loopback.receive(early), as: UTF8.self)
            #expect(answer.hasPrefix("HTTP/1.1 200"))
            #expect(try server.state() == "unprovisioned")
            // Operators' paths are on their own socket.
            #expect(try server.get("/metrics").status == 404)
            #expect(try server.stop().status == 0)
        }
    }

    @Test("A single socket is for clients, whatever its name, and the admin listener keeps its address")
    func one() throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let sockets = try Sockets()
        let server = try Server(
            deployment, prefix: prefix(1, "infenclave.socket"), descriptors: [sockets.clients.descriptor])
        #expect(server.port == sockets.clients.port && server.adminPort != sockets.admin.port)
        #expect(try server.get("/health/live").status == 200)
        try succeed(deployment.provisionArguments(server.url), in: deployment.folder)
        #expect(try deployment.classify(server.url, [Demo.clients[0].0])[0][0].name == Demo.clients[0].1)
    }

    @Test("Ambiguous or non-listening sockets are refused with the unit's necessary settings")
    func refused() throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let sockets = try Sockets()
        let connection = try Loopback.connect(port: sockets.clients.port)
        defer { close(connection) }
        for (names, descriptors) in [
            ("a:b", [sockets.clients.descriptor, sockets.admin.descriptor]),
            ("clients:clients", [sockets.clients.descriptor, sockets.admin.descriptor]), ("clients", [connection]),
        ] {
            let outcome = try Program(
                [
                    "-c", "\(prefix(descriptors.count, names)) \"$0\" \"$@\"", Program.products + "/infenclave",
                    "serve", deployment.bundle, "--tee", "development",
                ], in: deployment.folder, executable: "/bin/sh", descriptors: descriptors
            ).wait()
            #expect(outcome.status == 1 && outcome.errors.contains("FileDescriptorName=clients"), "\(outcome.errors)")
        }
    }

    @Test(
        "systemd accepts the example sockets",
        .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/systemd-analyze"), "there is no systemd"))
    func units() throws {
        let folder = try TemporaryFolder()
        let examples = URL(filePath: Demo.folder).deletingLastPathComponent().appending(path: "systemd")
        let names = ["infenclave.service", "infenclave.socket", "infenclave-admin.socket"]
        for name in names {
            let text = try String(contentsOf: examples.appending(path: name), encoding: .utf8).replacing(
                "/usr/local/bin/infenclave", with: Program.products + "/infenclave")
            try Data(text.utf8).write(to: URL(filePath: folder.file(name)))
        }
        let outcome = try Program(
            ["verify"] + names.map { folder.file($0) }, in: folder, executable: "/usr/bin/systemd-analyze"
        ).wait()
        #expect(outcome.status == 0 && !outcome.errors.contains("infenclave"), "\(outcome.errors)")
    }
}
