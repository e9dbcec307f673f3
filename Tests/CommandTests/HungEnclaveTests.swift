// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import TestSupport
import Testing

@Suite("An enclave that stops responding", .serialized)
struct HungEnclaveTests {
    @Test(
        "While its enclave is stopped, the server reports not ready; when it continues, the server serves again"
    )
    func visible() throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let server = try Server(provisioned: deployment)
        let enclaves = server.program.children
        try #require(enclaves.count == 1)
        kill(enclaves[0], SIGSTOP)
        try server.program.wait(until: "unresponsive enclave") { try server.state() == "unresponsive" }
        #expect(try server.get("/health/ready").status == 503)
        #expect(try server.get("/health/live").status == 200)
        // No request waits for a stopped enclave.
        let refused = try infenclave(
            deployment.classifyArguments(server.url, [Demo.clients[0].0]), in: deployment.folder)
        #expect(refused.status == 1 && refused.code == "enclaveUnavailable", "\(refused.output)")
        kill(enclaves[0], SIGCONT)
        try server.program.wait(until: "ready enclave") { try server.state() == "ready" }
        #expect(server.program.children == enclaves)
        #expect(try deployment.classify(server.url, [Demo.clients[0].0])[0][0].name == "Stop")
        #expect(server.program.errors.contains("has not answered for"))
    }

    /// The pause of the host, and of its enclave; `nil` if it ran for about as long as an enclave may be silent.
    private static func pausedHost() throws -> (Deployment, Server, [pid_t])? {
        let deployment = try Deployment(in: try TemporaryFolder())
        let server = try Server(provisioned: deployment)
        let enclaves = server.program.children
        try #require(enclaves.count == 1)
        kill(enclaves[0], SIGSTOP)
        // A question each second: now one is open, for which the enclave has 5 s.
        var running = ContinuousClock.now
        usleep(1_300_000)
        kill(server.program.identifier, SIGSTOP)
        let first = ContinuousClock.now - running
        usleep(8_000_000)
        running = .now
        kill(server.program.identifier, SIGCONT)
        usleep(1_000_000)
        kill(enclaves[0], SIGCONT)
        return first + (ContinuousClock.now - running) < .seconds(4) ? (deployment, server, enclaves) : nil
    }

    @Test("A host that was suspended for longer than its timeout does not report its enclave as silent afterwards")
    func pausedMachine() throws {
        // Where other tests keep this one waiting, the host may run for so long that it is right.
        var paused = try Self.pausedHost()
        for _ in 0..<20 where paused == nil { paused = try Self.pausedHost() }
        let (deployment, server, enclaves) = try #require(paused)
        #expect(try deployment.classify(server.url, [Demo.clients[0].0])[0][0].name == "Stop")
        #expect(!server.program.errors.contains("has not answered for"), "\(server.program.errors)")
        #expect(server.program.children == enclaves)
    }

    @Test("The host stops waiting for a disconnected client, and the enclave serves others as before")
    func abandoned() throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let server = try Server(provisioned: deployment)
        let enclaves = server.program.children
        try #require(enclaves.count == 1)
        kill(enclaves[0], SIGSTOP)
        let leaving = try Loopback.connect(port: server.port)
        let head = "POST /ohttp HTTP/1.1\r\nHost: x\r\nContent-Type: message/ohttp-req\r\nContent-Length: 500\r\n\r\n"
        _ = Loopback.send(Array(head.utf8) + [UInt8](repeating: 1, count: 500), to: leaving)
        try server.program.wait(until: "request") { try server.metric("requests_waiting") == 1 }
        close(leaving)
        try server.program.wait(until: "end of the request") { try server.metric("requests_waiting") == 0 }
        #expect(try server.metric("refusals_total{code=\"cancelled\"}") == 1)
        kill(enclaves[0], SIGCONT)
        try server.program.wait(until: "ready enclave") { try server.state() == "ready" }
        #expect(try deployment.classify(server.url, [Demo.clients[0].0])[0][0].name == "Stop")
    }

    @Test("With several workers, disconnected clients leave no request behind, and capacity is as before")
    func abandonedByMany() throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let server = try Server(provisioned: deployment, options: ["--workers", "2"])
        let enclaves = server.program.children
        try #require(enclaves.count == 1)
        kill(enclaves[0], SIGSTOP)
        let head = "POST /ohttp HTTP/1.1\r\nHost: x\r\nContent-Type: message/ohttp-req\r\nContent-Length: 500\r\n\r\n"
        // More than it has credits.
        let leaving = try (0..<10).map { _ in try Loopback.connect(port: server.port) }
        for client in leaving { _ = Loopback.send(Array(head.utf8) + [UInt8](repeating: 1, count: 500), to: client) }
        try server.program.wait(until: "requests") { try server.metric("requests_waiting") == 10 }
        for client in leaving { close(client) }
        try server.program.wait(until: "end of the requests") { try server.metric("requests_waiting") == 0 }
        #expect(try server.metric("refusals_total{code=\"cancelled\"}") == 10)
        kill(enclaves[0], SIGCONT)
        try server.program.wait(until: "ready enclave") { try server.state() == "ready" }
        let answers = try deployment.classify(server.url, Demo.clients.map(\.0))
        #expect(answers.count == Demo.clients.count && answers[0][0].name == "Stop")
    }

    @Test("A replica that hangs delays neither evidence nor keys nor provisioning of the other replica")
    func besideAnother() throws {
        let deployment = try Deployment(cuts: Demo.everythingInside, in: try TemporaryFolder())
        let server = try Server(deployment, options: ["--replicas", "2"])
        try succeed(deployment.provisionArguments(server.url) + ["--replicas", "2"], in: deployment.folder)
        let enclaves = server.program.children
        try #require(enclaves.count == 2)
        defer { kill(enclaves[0], SIGCONT) }
        func ask(_ replica: Int, from host: UInt8 = 1) throws -> Int32 {
            let client = try Loopback.connect(port: server.port, from: host)
            let path = "/.well-known/infenclave/evidence?nonce=\(String(repeating: "07", count: 32))&replica=\(replica)"
            let head = "GET \(path) HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            guard Loopback.send(Array(head.utf8), to: client) else { throw Unexpected("nothing is sent") }
            return client
        }
        func answer(_ client: Int32) throws -> HTTPAnswer {
            var received: [UInt8] = []
            while case let next = Loopback.receive(client), !next.isEmpty { received += next }
            return try HTTPAnswer(received)
        }
        func goOn() throws {
            kill(enclaves[0], SIGCONT)
            try server.program.wait(until: "both replicas") {
                try server.getAsOperator("/health/ready").json?["reason"] == nil
            }
        }
        // Which of them is the process: of a silent one there is no evidence.
        kill(enclaves[0], SIGSTOP)
        let first = try ask(0, from: 2)
        let hung = try answer(first).status == 200 ? 1 : 0
        close(first)
        try goOn()
        /// - Returns: Whether the other replica answered all requests before the host noticed that this one is silent.
        func isServedBesideAHungOne() throws -> Bool {
            kill(enclaves[0], SIGSTOP)
            // The maximum number of concurrent requests, from as many addresses as that needs.
            let waiting = try (0..<8).map { try ask(hung, from: 3 + UInt8($0 / 2)) }
            defer { for client in waiting { close(client) } }
            usleep(100_000)
            let other = try ask(1 - hung)
            defer { close(other) }
            #expect(try answer(other).status == 200)
            #expect(try server.get("/ohttp-keys").status == 200)
            try succeed(
                deployment.provisionArguments(server.url) + ["--replica", "\(1 - hung)"], in: deployment.folder)
            let isInTime = waiting.allSatisfy { client in
                var byte: UInt8 = 0
                return recv(client, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT)) < 0
            }
            // Those who asked the silent one are told once that is known, long before it is ended.
            for client in waiting {
                let refused = try answer(client)
                #expect(refused.status == 503 && refused.code == "enclaveUnavailable", "\(refused.head)")
            }
            #expect(server.program.children == enclaves)
            try goOn()
            return isInTime
        }
        // Other tests may delay it now and then; a request that waits for a silent replica waits every time.
        let isServed = try (0..<20).contains { _ in try isServedBesideAHungOne() }
        #expect(isServed)
    }

    @Test("SIGTERM ends the server within its time limit during a request, together with the stopped enclave process")
    func termination() throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let server = try Server(provisioned: deployment)
        let enclaves = server.program.children
        try #require(enclaves.count == 1)
        kill(enclaves[0], SIGSTOP)
        // Before the silence is noticed: it is relayed and waits.
        let waiting = try Loopback.connect(port: server.port)
        defer { close(waiting) }
        let head = "POST /ohttp HTTP/1.1\r\nHost: x\r\nContent-Type: message/ohttp-req\r\nContent-Length: 500\r\n\r\n"
        _ = Loopback.send(Array(head.utf8) + [UInt8](repeating: 1, count: 500), to: waiting)
        try server.program.wait(until: "request") { try server.metric("requests_waiting") == 1 }
        kill(server.program.identifier, SIGTERM)
        let outcome = try server.program.wait()
        #expect(outcome.status == 0)
        #expect(kill(enclaves[0], 0) == -1 && errno == ESRCH)
        // Its client is told.
        let answer = try HTTPAnswer(Loopback.receive(waiting))
        #expect(answer.status == 503 && answer.head.lowercased().contains("connection: close"), "\(answer.head)")
    }

    @Test("A stopped enclave ends when its host is killed")
    func killedHost() throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let server = try Server(deployment)
        let enclaves = server.program.children
        try #require(enclaves.count == 1)
        kill(enclaves[0], SIGSTOP)
        defer { kill(enclaves[0], SIGKILL) }
        kill(server.program.identifier, SIGKILL)
        #expect(try server.program.wait().status == 128 + 9)
        try server.program.wait(until: "end of the enclave") {
            let state = try? String(contentsOfFile: "/proc/\(enclaves[0])/stat", encoding: .utf8)
            return state.map { $0.contains(") Z ") } ?? true
        }
    }
}
