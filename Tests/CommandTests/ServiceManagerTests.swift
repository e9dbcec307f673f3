// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import TestSupport
import Testing

/// The socket of a service manager, as systemd has one.
private final class Manager {
    private let descriptor: Int32
    private var messages: [String] = []

    init(_ path: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let isBound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
        guard isBound else { throw Unexpected("\(path) cannot be bound: errno \(errno)") }
        var timeout = timeval(tv_sec: 3600, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(descriptor) }

    /// Waits until so many messages hold these words.
    func wait(for words: String, count: Int = 1) throws {
        let end = ContinuousClock.now + .seconds(3600)
        while messages.filter({ $0.contains(words) }).count < count {
            let message = String(decoding: Loopback.receive(descriptor), as: UTF8.self)
            guard !message.isEmpty, ContinuousClock.now < end else { throw Unexpected("no \(words) in \(messages)") }
            messages.append(message)
        }
    }
}

@Suite("Notifications to a service manager")
struct ServiceManagerTests {
    @Test("The service manager is notified of readiness, state, liveness and stopping")
    func notifications() throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        // The longest path of a socket is short.
        let path = "/tmp/\(UUID().uuidString.prefix(8)).notify"
        defer { unlink(path) }
        let manager = try Manager(path)
        let server = try Server(deployment, environment: ["NOTIFY_SOCKET": path, "WATCHDOG_USEC": "600000"])
        try manager.wait(for: "READY=1")
        try manager.wait(for: "STATUS=unprovisioned")
        // Other tests may keep it waiting now and then: one that is too slow is so each time.
        let isInTime = try (1...10).contains { round in
            let start = ContinuousClock.now
            try manager.wait(for: "WATCHDOG=1", count: 8 * round)
            return ContinuousClock.now - start < .seconds(4)
        }
        #expect(isInTime)
        try succeed(deployment.provisionArguments(server.url), in: deployment.folder)
        // More messages than the kernel keeps for a manager that does not read (net.unix.max_dgram_qlen).
        sleep(5)
        try manager.wait(for: "STATUS=ready")
        kill(server.program.identifier, SIGTERM)
        try manager.wait(for: "STOPPING=1")
        #expect(try server.program.wait().status == 0)
    }

    @Test(
        "systemd accepts the example unit",
        .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/systemd-analyze"), "there is no systemd"))
    func unit() throws {
        let folder = try TemporaryFolder()
        let unit = URL(filePath: Demo.folder).deletingLastPathComponent().appending(path: "systemd/infenclave.service")
        // The program is looked for where it is installed, which it is not here.
        let text = try String(contentsOf: unit, encoding: .utf8).replacing(
            "/usr/local/bin/infenclave", with: Program.products + "/infenclave")
        let copy = folder.file("infenclave.service")
        try Data(text.utf8).write(to: URL(filePath: copy))
        let outcome = try Program(["verify", copy], in: folder, executable: "/usr/bin/systemd-analyze").wait()
        #expect(outcome.status == 0 && !outcome.errors.contains("infenclave.service"), "\(outcome.errors)")
        #expect(text.contains("Type=notify") && text.contains("WatchdogSec="))
        // SIGHUP reads bundles and configuration again where there is no terminal.
        let lines = text.split(separator: "\n")
        #expect(lines.contains("ExecReload=/bin/kill -HUP $MAINPID"))
        // systemd's defaults end a start after 90 s, and the host with an enclave that the kernel ended for its memory.
        #expect(lines.contains("TimeoutStartSec=15min") && lines.contains("OOMPolicy=continue"))
    }
}
