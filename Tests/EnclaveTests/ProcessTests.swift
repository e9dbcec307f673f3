// SPDX-License-Identifier: Apache-2.0
import Crypto
import EnclaveCore
import EnclaveFixtures
import EnclavePlatform
import Evidence
import FrameStream
import Glibc
import SealedChannel
import Tensors
import Testing
import Wire

@Suite("The enclave process")
struct ProcessTests {
    private func withKeyFile(_ body: (String) throws -> Void) throws {
        var generator = SystemRandomNumberGenerator()
        let path = "/tmp/infenclave-test-\(String(generator.next() as UInt64, radix: 36))"
        defer { unlink(path) }
        try body(path)
    }

    private func load(_ deployment: Deployment, _ process: EnclaveProcess) throws {
        guard case .hello(3, "development", _) = try process.send(.hello(versions: FrameHeader.versions)) else {
            throw Unexpected("no hello")
        }
        for message in try deployment.load() {
            guard case .accepted = try process.send(message) else { throw Unexpected("the bundle was refused") }
        }
    }

    private func loadedEvidence(_ deployment: Deployment, _ process: EnclaveProcess) throws -> EnclaveEvidence {
        try load(deployment, process)
        return try evidence(process)
    }

    private func evidence(_ process: EnclaveProcess) throws -> EnclaveEvidence {
        guard case .evidence(let evidence) = try process.send(.evidence(nonce: [UInt8](repeating: 5, count: 32))) else {
            throw Unexpected("no evidence")
        }
        return evidence
    }

    /// Provisions under these terms and returns the evidence that holds from then on: a new lease has new keys.
    private func renewedEvidence(
        _ deployment: Deployment, _ process: EnclaveProcess, _ terms: ServiceTerms
    ) throws -> EnclaveEvidence {
        let message = try deployment.provisioning(for: try evidence(process), terms: terms)
        guard case .provisioned = try process.send(.provision(ciphertext: message)) else {
            throw Unexpected("not provisioned")
        }
        return try evidence(process)
    }

    @Test("The enclave ends in order on request, even during computations")
    func endWhileComputing() throws {
        try withKeyFile { keyFile in
            for _ in 0..<5 {
                let process = try EnclaveProcess([
                    "--tee", "development", "--development-key", keyFile, "--workers", "3", "--threads", "1",
                ])
                let deployment = try Deployment(TinyModel(isAllInside: true))
                let evidence = try loadedEvidence(deployment, process)
                let message = try deployment.provisioning(for: evidence)
                guard case .provisioned = try process.send(.provision(ciphertext: message)) else {
                    throw Unexpected("not provisioned")
                }
                for requestID in 0..<6 as Range<UInt64> {
                    let request = try deployment.request(try Picture.of(class: 0), for: evidence, kem: .x25519)
                    try process.socket.write(.infer(message: request.message), requestID: requestID)
                }
                try process.socket.write(.shutdown, requestID: 99)
                #expect(try process.wait() == 0)
            }
        }
    }

    @Test("With several workers, concurrent requests each get their own answer, and the lease ends by itself")
    func workers() throws {
        try withKeyFile { keyFile in
            let process = try EnclaveProcess([
                "--tee", "development", "--development-key", keyFile, "--workers", "3", "--threads", "1",
                "--threads-alone", "2",
            ])
            let deployment = try Deployment(TinyModel(isAllInside: true))
            let evidence = try loadedEvidence(deployment, process)
            guard
                case .provisioned = try process.send(.provision(ciphertext: try deployment.provisioning(for: evidence)))
            else { throw Unexpected("not provisioned") }
            let requests = try (0..<120).map { try deployment.request(try Picture.of(class: $0 % 3), for: evidence) }
            var answered: Set<UInt64> = []
            var next = 0
            while answered.count < requests.count {
                // As many as there are credits.
                while next < requests.count, next - answered.count < 6 {
                    try process.socket.write(.infer(message: requests[next].message), requestID: UInt64(next))
                    next += 1
                }
                guard case .frame(let frame)? = try process.socket.read(), case .answer(let bytes) = frame.message,
                    answered.insert(frame.requestID).inserted
                else { throw Unexpected("no answer") }
                let index = Int(frame.requestID)
                #expect(try requests[index].answer(bytes).entries.first?.index == index % 3)
            }
            // A lease that ends while requests are computed: each gets one answer, and then nothing is served.
            var statuses: [AnswerStatus] = []
            // A short lease may end before the first request if other tests delay this one.
            for (number, seconds) in [1, 10, 100].enumerated() where statuses.count < 2 {
                let terms = ServiceTerms(
                    sequence: 2 + UInt64(number), leaseSeconds: UInt32(seconds), requestsInFlight: 8)
                let fresh = try renewedEvidence(deployment, process, terms)
                statuses = []
                repeat {
                    let request = try deployment.request(try Picture.of(class: 0), for: fresh)
                    guard case .answer(let bytes) = try process.send(.infer(message: request.message)) else {
                        throw Unexpected("no answer")
                    }
                    statuses.append(try request.answer(bytes).status)
                    // Slower than the client's allowance, which a fast machine would use up before the lease ends.
                    usleep(20_000)
                } while statuses.last == .answered
            }
            #expect(statuses.count > 1 && statuses.last == .leaseEnded)
            guard case .status(let status) = try process.send(.status) else { throw Unexpected("no status") }
            #expect(status.state == .leaseEnded)
            guard case .accepted = try process.send(.shutdown) else { throw Unexpected("no end") }
            #expect(try process.wait() == 0)
        }
    }

    @Test("The enclave attests, is provisioned, classifies, and ends on request")
    func wholeLife() throws {
        try withKeyFile { keyFile in
            let process = try EnclaveProcess(["--tee", "development", "--development-key", keyFile, "--threads", "1"])
            let deployment = try Deployment()
            let evidence = try loadedEvidence(deployment, process)
            let report = try DevelopmentReport(parsing: evidence.evidence)
            #expect(report.publicKey == (try DevelopmentKey.publicKey(keyFile)))
            #expect(report.measurement == (try ExecutableMeasurement.ofFile(EnclaveProcess.executable)))
            guard
                case .provisioned = try process.send(.provision(ciphertext: try deployment.provisioning(for: evidence)))
            else { throw Unexpected("not provisioned") }

            let request = try deployment.request(try Picture.of(class: 1), for: evidence)
            guard case .intermediate(let tensors) = try process.send(.infer(message: request.message), requestID: 9)
            else { throw Unexpected("nothing came out") }
            guard
                case .answer(let bytes) = try process.send(
                    .backNetResult([try TestHost.backNet(tensors)]), requestID: 9)
            else { throw Unexpected("no answer") }
            #expect(try request.answer(bytes).entries.first?.name == "sulphur-crested cockatoo")
            guard case .refused(.replayed) = try process.send(.infer(message: request.message)) else {
                throw Unexpected("the replay was answered")
            }
            guard case .accepted = try process.send(.shutdown) else { throw Unexpected("no end") }
            #expect(try process.wait() == 0)
        }
    }

    @Test("At the end of its lease the enclave wipes the model without receiving a message")
    func leaseEnds() throws {
        try withKeyFile { keyFile in
            let process = try EnclaveProcess(["--tee", "development", "--development-key", keyFile, "--threads", "1"])
            let deployment = try Deployment()
            let evidence = try loadedEvidence(deployment, process)
            var request = try deployment.request(try Picture.of(class: 1), for: evidence)
            // A short lease may be over before the request, where other tests keep this one waiting.
            for (number, seconds) in [1, 10, 100].enumerated() {
                let terms = ServiceTerms(sequence: 1 + UInt64(number), leaseSeconds: UInt32(seconds))
                let fresh = try renewedEvidence(deployment, process, terms)
                request = try deployment.request(try Picture.of(class: 1), for: fresh)
                if case .intermediate = try process.send(.infer(message: request.message), requestID: 9) { break }
                guard seconds < 100 else { throw Unexpected("nothing came out") }
            }
            // The refusal of the request under way comes without a question.
            guard case .frame(let frame)? = try process.socket.read(), frame.requestID == 9,
                case .answer(let bytes) = frame.message
            else { throw Unexpected("no refusal came by itself") }
            #expect(try request.answer(bytes).status == .leaseEnded)
            guard case .status(let status) = try process.send(.status) else { throw Unexpected("no status") }
            #expect(status.state == .leaseEnded)
        }
    }

    @Test("The watchdog detects a thread that misses its deadline, and ignores one that meets it")
    func watchdog() throws {
        let clock = TestClock()
        let watchdog = Watchdog(clock: clock.clock) {}
        func looks(_ count: Int) -> Bool { (0..<count).contains { _ in watchdog.isStalledAtThisLook() } }
        #expect(!looks(200))
        watchdog.expect(progressBy: clock.clock.now() + .seconds(10))
        #expect(!looks(200))
        // The machine slept: late at one check only, then the thread continues.
        clock.advance(by: .seconds(86_400))
        #expect(!looks(Watchdog.tolerance - 1))
        watchdog.expect(progressBy: clock.clock.now())
        #expect(!looks(200))
        clock.advance(by: .seconds(1))
        #expect(!looks(Watchdog.tolerance - 1))
        #expect(looks(1))
    }

    @Test("The enclave process survives frames that are too long, and ends with the host")
    func hostileStream() throws {
        try withKeyFile { keyFile in
            let arguments = ["--tee", "development", "--development-key", keyFile]
            let process = try EnclaveProcess(arguments)
            guard case .refused(.malformed) = try process.send(.infer(message: [UInt8](repeating: 0, count: 17 << 20)))
            else { throw Unexpected("17 MiB were taken") }
            guard case .refused(.malformed) = try process.send(.backNetResult([try Picture.floats()])) else {
                throw Unexpected("tensors were taken before provisioning")
            }
            guard case .status(let status) = try process.send(.status) else { throw Unexpected("no status") }
            #expect(status.state == .awaitingBundle)
            #expect(status.refused == 2)
            process.socket.close()
            #expect(try process.wait() == 0)
        }
    }

    @Test("The enclave's memory is not dumpable, so that the same user's processes cannot read it")
    func notDumpable() throws {
        try withKeyFile { keyFile in
            let process = try EnclaveProcess(["--tee", "development", "--development-key", keyFile])
            _ = try process.send(.hello(versions: FrameHeader.versions))
            // The files of a process that is not dumpable belong to root, and its limit for core files is 0.
            let limits = try MachineFiles().read("/proc/\(process.identifier)/limits", limit: 1 << 16)
            let line = String(decoding: limits, as: UTF8.self).split(separator: "\n")
                .first { $0.hasPrefix("Max core file size") }
            #expect(line?.split(separator: " ").dropFirst(4).prefix(2) == ["0", "0"])
        }
    }

    @Test("The enclave prints its measurement and the development key, and refuses wrong command lines with code 64")
    func otherUses() throws {
        #expect(try EnclaveProcess(["--measure"]).wait() == 0)
        #expect(try EnclaveProcess([]).wait() == 64)
        #expect(try EnclaveProcess(["--tee", "development"]).wait() == 64)
        try withKeyFile { keyFile in
            let code = try EnclaveProcess(["--print-development-key", keyFile]).wait()
            #expect(code == 0)
            var status = stat()
            #expect(stat(keyFile, &status) == 0)
            #expect(status.st_mode & 0o777 == 0o600)
        }
        #expect(try EnclaveProcess(["--tee", "development", "--development-key", "/nonexistent/key"]).wait() == 1)
    }
}
