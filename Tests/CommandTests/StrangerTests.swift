// SPDX-License-Identifier: Apache-2.0
import BundleFormat
import Evidence
import Foundation
import Glibc
import SealedChannel
import SecretMemory
import Synchronization
import Tensors
import TestSupport
import Testing

/// A listed client. It blocks its thread, because other tests hold the threads that asynchronous work would need.
private struct PayingClient {
    private let port: Int
    private let recipient: KeyConfiguration
    private let token: AccessToken
    private let picture: Tensor

    init(_ server: Server, _ deployment: Deployment, side: Int = 64) throws {
        port = server.port
        let keys = try server.evidence().keyConfiguration
        recipient = try KeyConfiguration.preferred(in: KeyConfiguration.parseList(keys.span.bytes))
        token = try AccessToken(contentsOf: deployment.token)
        picture = try Tensor([UInt8](repeating: 128, count: side * side * 3), shape: [1, side, side, 3])
    }

    /// - Parameter tries: The number of attempts if there is no room.
    /// - Returns: The time from a new connection to the opened answer.
    func classify(tries: Int = 1) throws -> Duration {
        let request = try ClassificationRequest(token: token, tensor: picture).encodeBinaryRequest(authority: "")
        let sealed = try ObliviousRequest.seal(request.bytes, to: recipient)
        let start = ContinuousClock.now
        var answer = try answer(to: sealed.message)
        for _ in 1..<tries where answer.code == "overloaded" {
            usleep(100_000)
            answer = try self.answer(to: sealed.message)
        }
        guard answer.status == 200 else { throw Unexpected("status \(answer.status): \(answer.code ?? "")") }
        let plaintext = try sealed.opener.open(answer.body.span.bytes)
        let time = ContinuousClock.now - start
        let status = try ClassificationAnswer(binaryResponse: plaintext.bytes).status
        guard status == .answered else { throw Unexpected("\(status)") }
        return time
    }

    private func answer(to message: [UInt8]) throws -> HTTPAnswer {
        try HTTPAnswer.to("POST", "/ohttp", type: ObliviousRequest.mediaType, body: message, port: port)
    }

    /// The time that 99 of 100 requests do not exceed.
    func p99(_ count: Int) throws -> Duration {
        let times = try (0..<count).map { _ in
            usleep(10_000)
            return try classify()
        }
        return times.sorted()[count * 99 / 100 - 1]
    }
}

/// Looks at a server from the side, in a thread of its own, until it is stopped.
private final class Watch: Sendable {
    struct Findings: Sendable {
        var slowest: Duration = .zero
        var failures = 0
        var peakMemory = 0
    }

    private let state = Mutex((findings: Findings(), isOver: false))
    private let done = DispatchSemaphore(value: 0)

    init(_ server: Server) {
        let (port, process) = (server.port, server.program.identifier)
        Thread.detachNewThread { [self] in
            while !state.withLock({ $0.isOver }) {
                let start = ContinuousClock.now
                let isLive = (try? HTTPAnswer.to("GET", "/health/live", port: port).status) == 200
                let time = ContinuousClock.now - start
                let memory = (try? residentMemory(of: process)) ?? 0
                state.withLock {
                    $0.findings.slowest = max($0.findings.slowest, time)
                    $0.findings.peakMemory = max($0.findings.peakMemory, memory)
                    if !isLive { $0.findings.failures += 1 }
                }
                usleep(50_000)
            }
            done.signal()
        }
    }

    func stop() -> Findings {
        state.withLock { $0.isOver = true }
        done.wait()
        return state.withLock { $0.findings }
    }
}

/// Bytes.
private func residentMemory(of process: pid_t) throws -> Int {
    let text = try String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
    guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("VmRSS:") }),
        let kibibytes = line.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
    else { throw Unexpected("no VmRSS in \(text)") }
    return kibibytes << 10
}

@Suite("Clients without a token, and the service", .serialized)
struct StrangerTests {
    /// Whether `INFENCLAVE_QUIET` is set: the machine does nothing else and this suite runs alone, so that times are
    /// meaningful. Otherwise no time is checked.
    private static let isQuiet = ProcessInfo.processInfo.environment["INFENCLAVE_QUIET"] == "1"

    @Test(
        "A listed client is served while others idle, send slowly or too much, or do not read; then resources are freed",
        .enabled(if: Strangers.raiseDescriptorLimit(), "the hard limit of file descriptors is too low"))
    func attack() throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let server = try Server(provisioned: deployment)
        let client = try PayingClient(server, deployment)
        _ = try client.p99(20)
        let memory = try residentMemory(of: server.program.identifier)
        let quiet = try client.p99(100)

        let strangers = Strangers(port: server.port)
        strangers.idle(1024, from: [2, 3, 4, 5])
        strangers.drip(64, from: [6])
        strangers.ask(32, from: [6])
        strangers.send(16 << 20, 32, from: [6])
        try server.program.wait(until: "crowd") {
            try server.metric("connections") > 1000 && server.metric("connections_evicted_total") > 100
                && server.metric("connections_stalled") >= 8
        }
        let watch = Watch(server)
        // Each is answered; how soon says nothing where other tests take the processors, too.
        let attacked = try client.p99(200)
        let findings = watch.stop()
        #expect(findings.failures == 0)
        if Self.isQuiet {
            #expect(attacked <= quiet * 3, "quiet \(quiet)")
            #expect(findings.slowest < .seconds(1))
        }
        #expect(findings.peakMemory < 300 << 20)
        #expect(try server.metric("connections") <= 1024)
        #expect(try server.metric("http_refusals_total{status=\"413\"}") >= 32)

        strangers.callOff()
        try server.program.wait(until: "end") {
            try server.metric("connections") <= 2 && server.metric("body_bytes") == 0
        }
        try server.program.wait(until: "return of the memory, \(findings.peakMemory >> 20) MiB") {
            try residentMemory(of: server.program.identifier) < memory + 48 << 20
        }
        let after = try client.p99(100)
        if Self.isQuiet { #expect(after <= quiet * 3, "quiet \(quiet)") }
        #expect(server.program.isRunning)
    }

    @Test(
        "Clients that do not read their answers hold neither places nor memory, and a listed client is served",
        .enabled(if: Strangers.raiseDescriptorLimit(), "the hard limit of file descriptors is too low"))
    func unread() throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        // So few places that the strangers have all of them.
        let descriptors = 100 + 3 * ProcessInfo.processInfo.processorCount
        let server = try Server(provisioned: deployment, prefix: "ulimit -n \(descriptors); exec")
        let places = try server.metric("connections_limit")
        let client = try PayingClient(server, deployment)
        let strangers = Strangers(port: server.port)
        strangers.ask(Int(places), from: [2, 3])
        try server.program.wait(until: "full house") {
            try server.metric("connections_stalled") >= places * 3 / 4 && server.metric("connections") >= places - 5
        }
        let watch = Watch(server)
        for _ in 0..<30 { _ = try client.classify() }
        try succeed(deployment.provisionArguments(server.url), in: deployment.folder)
        let findings = watch.stop()
        #expect(findings.failures == 0)
        #expect(try server.metric("connections_turned_away_total") == 0)
        #expect(try server.metric("body_bytes") == 0)
        // Connections whose places are not needed are closed as well.
        try server.program.wait(until: "cut") { try server.metric("connections_unread_total") >= places / 4 }
        strangers.callOff()
        try server.program.wait(until: "end") { try server.metric("connections") <= 2 }
    }

    @Test("Complete 15 MiB bodies from clients without a token leave room for a listed client")
    func largeBodies() throws {
        let deployment = try BodyMemoryTests.deployment(in: try TemporaryFolder())
        let server = try Server(provisioned: deployment)
        let client = try PayingClient(server, deployment, side: BodyMemoryTests.side)
        let quiet = try (0..<3).map { _ in try client.classify() }.max() ?? .zero
        let bytes = BodyMemoryTests.side * BodyMemoryTests.side * 3
        let strangers = Strangers(port: server.port)
        strangers.send(bytes, 32, from: [2, 3])
        strangers.drip(64, from: [4])
        try server.program.wait(until: "bodies") {
            // Not there before the first.
            (try? server.metric("http_answers_total{endpoint=\"ohttp\",status=\"400\"}")) ?? 0 > 20
        }
        let watch = Watch(server)
        let times = try (0..<10).map { _ in try client.classify(tries: Self.isQuiet ? 100 : 3_000) }
        let findings = watch.stop()
        #expect(findings.failures == 0)
        if Self.isQuiet { #expect(findings.slowest < .seconds(1)) }
        // Of bodies 64 MiB at a time, and the enclave is a process of its own.
        #expect(findings.peakMemory < 300 << 20)
        if Self.isQuiet { #expect(times.sorted()[times.count / 2] < quiet * 6, "\(times), quiet \(quiet)") }
        strangers.callOff()
        try server.program.wait(until: "end") {
            try server.metric("connections") <= 2 && server.metric("body_bytes") == 0
        }
        _ = try client.classify()
    }

    @Test("Unfinished provisioning messages are limited, and the owner's message succeeds among them")
    func provisioning() throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let server = try Server(deployment)
        let before = try residentMemory(of: server.program.identifier)
        var descriptors: [Int32] = []
        defer { for descriptor in descriptors { close(descriptor) } }
        let head = "POST /provision HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n"
        let body = [UInt8](repeating: 0, count: 1_999_999)
        for _ in 0..<150 {
            let descriptor = try Loopback.connect(port: server.port)
            var timeout = timeval(tv_sec: 0, tv_usec: 200_000)
            setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
            _ = Loopback.send(Array(head.utf8) + body, to: descriptor)
            descriptors.append(descriptor)
        }
        #expect(try server.metric("body_bytes") <= 8 * 1_048_576)
        #expect(try residentMemory(of: server.program.identifier) - before < 64 << 20)
        // A body incomplete after two seconds is dropped for a new one.
        sleep(2)
        try succeed(deployment.provisionArguments(server.url), in: deployment.folder)
        #expect(try server.state() == "ready")
    }

    @Test("Evidence requests are limited, keys are cached only while the enclave runs, and clients are served")
    func evidence() throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let server = try Server(provisioned: deployment)
        let client = try PayingClient(server, deployment)
        let port = server.port
        let path = "/.well-known/infenclave/evidence?nonce=\(String(repeating: "07", count: 32))"
        let gathered = Mutex<[HTTPAnswer]>([])
        let group = DispatchGroup()
        for _ in 0..<12 {
            group.enter()
            Thread.detachNewThread {
                for _ in 0..<20 {
                    if let answer = try? HTTPAnswer.to("GET", path, port: port) {
                        gathered.withLock { $0.append(answer) }
                    }
                }
                group.leave()
            }
        }
        group.wait()
        let others = try (0..<5).map { _ in try HTTPAnswer.to("GET", path, port: port, from: 2) }
        #expect(others.allSatisfy { $0.status == 200 }, "another address has a share of its own")
        let answers = gathered.withLock { $0 }
        #expect(answers.count == 240)
        let refused = answers.filter { $0.status != 200 }
        #expect(!refused.isEmpty && refused.count < answers.count)
        #expect(refused.allSatisfy { $0.status == 503 && $0.code == "overloaded" })
        #expect(refused.allSatisfy { $0.head.lowercased().contains("retry-after: 1") })
        #expect(try server.metric("refusals_total{code=\"overloaded\"}") == Double(refused.count))

        let keys = try (0..<100).map { _ in try server.get("/ohttp-keys") }
        #expect(keys.allSatisfy { $0.status == 200 && $0.body == keys[0].body })
        _ = try client.p99(100)

        for child in server.program.children { kill(child, SIGKILL) }
        try server.program.wait(until: "new enclave") {
            let answer = try server.get("/ohttp-keys")
            return answer.status == 200 && answer.body != keys[0].body
        }
        #expect(try server.metric("enclave_restarts_total") == 1)
    }
}
