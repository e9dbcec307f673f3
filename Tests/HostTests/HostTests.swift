// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import HostCore
import Synchronization
import Testing
import Wire

/// A host whose "enclave" is a shell script: the host must survive every behaviour of such a program.
struct ScriptedEnclave {
    /// Python that `take`s bytes from the host and `say`s frames to it; for the start of a program. It ends when the
    /// host closes the connection.
    static let framing = """
        import os, socket, struct, sys
        host = socket.socket(fileno=3)
        def take(count):
            data = b""
            while len(data) < count:
                more = host.recv(count - len(data))
                if not more: sys.exit(0)
                data += more
            return data
        def say(kind, request, payload=b""):
            host.sendall(b"INFW" + struct.pack("<HBBQQ", 3, kind, 0, request, len(payload)) + payload)

        """

    /// The model with one replica.
    let pool: EnclavePool
    var host: EnclaveHost { pool.members[0].host }
    let lines = Lines()

    final class Lines: Sendable {
        private let kept = Mutex<[String]>([])
        func append(_ line: String) { kept.withLock { $0.append(line) } }
        var all: [String] { kept.withLock { $0 } }
    }

    init(_ script: String, executable: String = "/bin/sh", startTimeout: Duration = .seconds(60)) throws {
        let lines = lines
        pool = try Self.pool(script, executable: executable, startTimeout: startTimeout) { lines.append($0.message) }
    }

    static func pool(
        _ script: String, executable: String = "/bin/sh", slots: [KeySlot] = KeySlot.first(1),
        engine: (any BackNetEngine)? = nil, manifest: UInt8 = 9,
        maximumWaiting: Int = 64, startTimeout: Duration = .seconds(60), metrics: HostMetrics = HostMetrics(),
        log: @escaping @Sendable (LogLine) -> Void = { _ in },
        completion: EnclavePlacement.EvidenceCompletion? = nil
    ) throws -> EnclavePool {
        try EnclavePool(
            bundle: HostedBundle(
                manifestDigest: [UInt8](repeating: manifest, count: 32), manifestCore: [3], manifest: [1],
                manifestSignature: [UInt8](repeating: 2, count: 64), frontNet: PartContent([4]),
                mappingUnit: PartContent([5]),
                backNet: nil),
            slots: slots,
            placement: EnclavePlacement(
                .process(executable: executable, arguments: ["-c", script]), completion: completion),
            backNetThreads: 1,
            engine: engine, maximumWaiting: maximumWaiting, startTimeout: startTimeout, metrics: metrics, log: log)
    }

    /// What is served under this name.
    func model(_ name: String = "model") -> ServedModel { ServedModel(name: name, pool: pool, log: { _ in }) }

    /// The error of a failed start.
    func failure() async -> HostError? {
        do throws(HostError) {
            try await host.start()
            return nil
        } catch { return error }
    }
}

@Suite("The host and invalid enclave programs")
struct EnclaveHostTests {
    @Test("The start fails with a program that is missing, ends at once or speaks another protocol")
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

    @Test("A program that stays silent is ended after the start timeout")
    func silence() async throws {
        let enclave = try ScriptedEnclave("exec sleep 600", startTimeout: .milliseconds(200))
        #expect(await enclave.failure()?.code == .enclaveUnavailable)
        #expect(await enclave.host.state == .starting)
        #expect(enclave.lines.all.contains { $0.contains("did not start within") })
        await enclave.host.stop()
    }

    @Test("Without an enclave every request fails with a code at once")
    func questions() async throws {
        let model = try ScriptedEnclave("exit 0").model()
        let host = model.serving.members[0].host
        await #expect(throws: HostError.self) { _ = try await host.answer([1, 2, 3]) }
        await #expect(throws: HostError.self) { _ = try await host.evidence(nonce: [UInt8](repeating: 1, count: 32)) }
        await #expect(throws: HostError.self) { try await host.provision([1]) }
        let text = await model.metricsText.text
        #expect(text.contains("infenclave_refusals_total{model=\"model\",code=\"enclaveUnavailable\"} 1"))
        #expect(text.contains("infenclave_answers_total{model=\"model\"} 0"))
    }

    @Test("The metrics are in Prometheus' text format: help, type and value of each metric")
    func metrics() async throws {
        let text = try await ScriptedEnclave("exit 0").model().metricsText.text
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
