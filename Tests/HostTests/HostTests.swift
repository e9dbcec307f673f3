import Foundation
import Glibc
import HostCore
import HostServer
import Logging
import Synchronization
import Testing

/// A host whose "enclave" is a shell script: what the host must survive of a program that is none.
private struct ScriptedEnclave {
    let host: EnclaveHost
    let lines = Lines()

    final class Lines: Sendable {
        private let kept = Mutex<[String]>([])
        func append(_ line: String) { kept.withLock { $0.append(line) } }
        var all: [String] { kept.withLock { $0 } }
    }

    init(_ script: String, executable: String = "/bin/sh", startTimeout: Duration = .seconds(60)) throws {
        let lines = lines
        host = try EnclaveHost(
            bundle: HostedBundle(
                manifest: [1], manifestSignature: [2], ownerPublicKey: [3], frontNet: [4], mappingUnit: [5],
                backNet: nil),
            command: .init(executable: executable, arguments: ["-c", script]), backNetThreads: 1,
            startTimeout: startTimeout
        ) { lines.append($0) }
    }

    /// How a start fails.
    func failure() async -> HostError? {
        do throws(HostError) {
            try await host.start()
            return nil
        } catch { return error }
    }
}

@Suite("The host and programs that are no enclave")
struct EnclaveHostTests {
    @Test("A program that does not exist, ends at once, or speaks something else fails the start")
    func starts() async throws {
        let missing = try ScriptedEnclave("", executable: "/nonexistent/enclave")
        #expect(await missing.failure()?.code == .enclaveUnavailable)
        for script in ["exit 0", "exit 1", "kill -9 $$"] {
            let enclave = try ScriptedEnclave(script)
            #expect(await enclave.failure()?.code == .enclaveUnavailable, "\(script)")
            #expect(await enclave.host.state == .starting)
            await enclave.host.stop()
        }
        // More bytes than any header has, none of them a header.
        for script in ["head -c 4096 /dev/zero >&3", "yes | head -c 100000 >&3; sleep 5", "printf hello >&3"] {
            let enclave = try ScriptedEnclave(script)
            let code = await enclave.failure()?.code
            #expect(code == .enclaveUnavailable || code == .protocolViolation, "\(script)")
            await enclave.host.stop()
            #expect(await enclave.host.state == .stopped)
        }
    }

    @Test("A program that lives and says nothing is ended after the time that a start may take")
    func silence() async throws {
        let enclave = try ScriptedEnclave("exec sleep 600", startTimeout: .milliseconds(200))
        #expect(await enclave.failure()?.code == .enclaveUnavailable)
        #expect(await enclave.host.state == .starting)
        #expect(enclave.lines.all.contains { $0.contains("did not start within") })
        await enclave.host.stop()
    }

    @Test("Without an enclave every question fails with a code, and nothing waits")
    func questions() async throws {
        let host = try ScriptedEnclave("exit 0").host
        await #expect(throws: HostError.self) { _ = try await host.answer([1, 2, 3]) }
        await #expect(throws: HostError.self) { _ = try await host.evidence(nonce: [UInt8](repeating: 1, count: 32)) }
        await #expect(throws: HostError.self) { try await host.provision([1]) }
        #expect(host.metrics.text.contains("infenclave_refusals_total{code=\"enclaveUnavailable\"} 1"))
        #expect(host.metrics.text.contains("infenclave_answers_total 0"))
    }

    @Test("The metrics are in Prometheus' text format: help, type and value of each, nothing else")
    func metrics() throws {
        let text = try ScriptedEnclave("exit 0").host.metrics.text
        #expect(text.hasSuffix("\n"))
        for line in text.split(separator: "\n") {
            let isComment = line.hasPrefix("# HELP infenclave_") || line.hasPrefix("# TYPE infenclave_")
            let fields = line.split(separator: " ")
            #expect(
                isComment || (line.hasPrefix("infenclave_") && fields.count == 2 && Double(fields[1]) != nil), "\(line)"
            )
        }
    }
}

@Suite("The HTTP server")
struct HostServerTests {
    /// Runs a server without an enclave while `body` asks it.
    private func serving(_ body: @escaping @Sendable (Int) throws -> Void) async throws {
        let server = HostServer(
            host: try ScriptedEnclave("exit 0").host, hostname: "127.0.0.1", port: 0, logger: Logger(label: "test"))
        let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
        let running = Task { try await server.run { continuation.yield($0) } }
        for await port in ports {
            try await withCheckedThrowingContinuation { (done: CheckedContinuation<Void, any Error>) in
                // Blocking sockets have a thread of their own.
                Thread.detachNewThread { done.resume(with: Result { try body(port) }) }
            }
            break
        }
        running.cancel()
        _ = await running.result
    }

    /// The status line and the rest of an answer.
    private static func ask(_ request: String, port: Int) throws -> String {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let isConnected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        try #require(isConnected)
        let bytes = Array(request.utf8)
        let sent = send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
        try #require(sent == bytes.count)
        var received: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { return String(decoding: received, as: UTF8.self) }
            received += buffer.prefix(count)
        }
    }

    @Test("While the enclave starts it lives, is not ready, and refuses with 503 and a code")
    func withoutEnclave() async throws {
        try await serving { port in
            func ask(_ line: String, _ rest: String = "") throws -> String {
                try Self.ask("\(line) HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\(rest)\r\n", port: port)
            }
            #expect(try ask("GET /health/live").hasPrefix("HTTP/1.1 200"))
            let ready = try ask("GET /health/ready")
            #expect(ready.hasPrefix("HTTP/1.1 503") && ready.contains("starting"))
            let evidence = try ask("GET /.well-known/infenclave/evidence?nonce=\(String(repeating: "0a", count: 32))")
            #expect(evidence.hasPrefix("HTTP/1.1 503") && evidence.contains("enclaveUnavailable"))
            let answer = try ask("POST /ohttp", "Content-Type: message/ohttp-req\r\nContent-Length: 0\r\n")
            #expect(answer.hasPrefix("HTTP/1.1 503") && answer.contains("enclaveUnavailable"))
            #expect(try ask("POST /ohttp", "Content-Length: 0\r\n").hasPrefix("HTTP/1.1 415"))
            let nonce = try ask("GET /.well-known/infenclave/evidence?nonce=0g")
            #expect(nonce.hasPrefix("HTTP/1.1 400") && nonce.contains("\"malformed\""))
            #expect(try ask("GET /").hasPrefix("HTTP/1.1 404"))
            #expect(try ask("GET /metrics").contains("infenclave_refusals_total{code=\"enclaveUnavailable\"} 1"))
        }
    }
}
