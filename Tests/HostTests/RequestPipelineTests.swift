// SPDX-License-Identifier: Apache-2.0
import Glibc
import HostCore
import HostServer
import Synchronization
import Tensors
import Testing
import Wire

/// Takes a while, even if it is cancelled.
private final class SlowEngine: BackNetEngine {
    private let state = Mutex((isHeld: true, runs: 0))

    var runs: Int { state.withLock(\.runs) }
    func letGo() { state.withLock { $0.isHeld = false } }

    func run(_ inputs: [Tensor]) async -> BackNetRun? {
        state.withLock { $0.runs += 1 }
        while state.withLock(\.isHeld) {
            await Task.detached { try? await Task.sleep(for: .milliseconds(5)) }.value
        }
        return BackNetRun(outputs: [], queued: .seconds(5), computed: .seconds(1))
    }
}

@Suite("The request pipeline", .enabled(if: PooledEnclaves.isPossible))
struct RequestPipelineTests {
    /// Other tests may keep this one waiting.
    private static let ample = Duration.seconds(600)
    private static let short = Duration.milliseconds(300)

    /// The second byte has an enclave never answer.
    private static let endless: [UInt8] = [0, 1]
    private static let usual: [UInt8] = [0, 0]

    private func model(
        _ program: String = PooledEnclaves.program, engine: (any BackNetEngine)? = nil, maximumWaiting: Int = 64
    ) async throws -> ServedModel {
        let pool = try ScriptedEnclave.pool(
            program, executable: "/usr/bin/python3", engine: engine, maximumWaiting: maximumWaiting,
            startTimeout: .seconds(600))
        try await pool.begin()
        try await pool.provision()
        return ServedModel(name: "model", pool: pool, log: { _ in })
    }

    private func answer(
        _ message: [UInt8], of model: ServedModel, within time: Duration = Self.ample
    ) async throws(HostError) -> [UInt8] {
        let pipeline = RequestPipeline(model, timeout: time)
        return try await pipeline.answer(message, at: try pipeline.admit(forKey: message.first))
    }

    private func refusals(_ code: String, of model: ServedModel) async -> Int {
        let line = "infenclave_refusals_total{model=\"model\",code=\"\(code)\"} "
        let lines = await model.metricsText.text.split(separator: "\n")
        return lines.first { $0.hasPrefix(line) }?.split(separator: " ").last.flatMap { Int($0) } ?? 0
    }

    @Test("A request that the enclave does not answer is refused at its deadline, and its place is freed")
    func computing() async throws {
        let model = try await model(maximumWaiting: 1)
        let start = ContinuousClock.now
        await #expect { _ = try await answer(Self.endless, of: model, within: Self.short) } throws: {
            ($0 as? HostError)?.code == .deadlineExceeded
        }
        #expect(.now - start >= Self.short)
        try await PooledEnclaves.wait(for: "the place") { model.waiting == 0 }
        #expect(await refusals("deadlineExceeded", of: model) == 1)
        #expect(await refusals("cancelled", of: model) == 0)
        #expect(try await PooledAnswer(answer(Self.usual, of: model)).message == Self.usual)
        await model.stop()
    }

    @Test("A request waiting for a credit is refused at its deadline, and the enclave never receives it")
    func waiting() async throws {
        let oneCredit = PooledEnclaves.program.replacing(
            "b\"development\" + struct.pack(\"<I\", 1000)", with: "b\"development\" + struct.pack(\"<I\", 1)")
        #expect(oneCredit != PooledEnclaves.program)
        let model = try await model(oneCredit)
        let first = Task { try await answer(Self.endless, of: model) }
        try await PooledEnclaves.wait(for: "the first request") { model.waiting == 1 }
        // The first request has to have the credit.
        try await PooledEnclaves.wait(for: "its credit") {
            await model.metricsText.text.contains("stage_seconds_count{model=\"model\",stage=\"admission\"} 1")
        }
        for _ in 0..<3 {
            await #expect { _ = try await answer(Self.usual, of: model, within: Self.short) } throws: {
                ($0 as? HostError)?.code == .deadlineExceeded
            }
        }
        try await PooledEnclaves.wait(for: "their places") { model.waiting == 1 }
        #expect(await refusals("deadlineExceeded", of: model) == 3)
        first.cancel()
        await #expect { _ = try await first.value } throws: { ($0 as? HostError)?.code == .cancelled }
        try await PooledEnclaves.wait(for: "its place") { model.waiting == 0 }
        await model.stop()
    }

    @Test("While the BackNet works on one request, the enclave runs the FrontNet of the next")
    func overlap() async throws {
        let split = PooledEnclaves.program
            .replacing(
                "say(134, request, struct.pack(\"<BI\", slot, os.getpid()) + payload)",
                with: "say(133, request, struct.pack(\"<I\", 0))"
            )
            .replacing(
                "    elif kind == 9:", with: "    elif kind == 7: say(134, request, b\"done\")\n    elif kind == 9:")
        let engine = SlowEngine()
        let model = try await model(split, engine: engine)
        let first = Task { try await answer(Self.usual, of: model) }
        try await PooledEnclaves.wait(for: "the first BackNet") { engine.runs == 1 }
        let second = Task { try await answer(Self.usual, of: model) }
        // The engine is sent the FrontNet's result.
        try await PooledEnclaves.wait(for: "the second FrontNet") { engine.runs == 2 }
        #expect(model.waiting == 2)
        engine.letGo()
        for task in [first, second] { #expect(try await task.value == Array("done".utf8)) }
        await model.stop()
    }

    @Test("A request whose BackNet is late is refused at its deadline; it keeps its place while the engine computes")
    func outside() async throws {
        let split = PooledEnclaves.program.replacing(
            "say(134, request, struct.pack(\"<BI\", slot, os.getpid()) + payload)",
            with: "say(133, request, struct.pack(\"<I\", 0))")
        #expect(split != PooledEnclaves.program)
        let engine = SlowEngine()
        let model = try await model(split, engine: engine)
        // If other tests delay this one, a short deadline may pass before the engine is asked.
        var (time, refused) = (Self.short, 0)
        repeat {
            await #expect { _ = try await answer(Self.usual, of: model, within: time) } throws: {
                ($0 as? HostError)?.code == .deadlineExceeded
            }
            (time, refused) = (time * 4, refused + 1)
        } while engine.runs == 0 && refused < 6
        #expect(engine.runs == 1)
        try await PooledEnclaves.wait(for: "places of those before") { model.waiting == 1 }
        engine.letGo()
        try await PooledEnclaves.wait(for: "its place") { model.waiting == 0 }
        #expect(await refusals("deadlineExceeded", of: model) == refused)
        // The engine's time is the computing time that it reports, without the request's waiting time.
        let text = await model.metricsText.text
        for line in [
            "backnet_seconds_total{model=\"model\"} 1", "stage_seconds_sum{model=\"model\",stage=\"backnet\"} 1",
            "stage_seconds_sum{model=\"model\",stage=\"queue\"} 5",
        ] { #expect(text.contains("infenclave_\(line)\n"), "\(line) in \(text)") }
        await model.stop()
    }

    @Test("Each request releases its place once, whatever its outcome")
    func release() async throws {
        let model = try await model(maximumWaiting: 32)
        let codes = await withTaskGroup(of: HostError.Code?.self) { group in
            for number in 0..<240 {
                group.addTask {
                    let work = Task<HostError.Code?, Never> {
                        let isLate = number % 3 == 0
                        do throws(HostError) {
                            _ = try await answer(
                                isLate ? Self.endless : Self.usual, of: model, within: isLate ? Self.short : Self.ample)
                            return nil
                        } catch { return error.code }
                    }
                    if number % 4 == 0 { work.cancel() }
                    return await work.value
                }
            }
            return await group.reduce(into: [HostError.Code?]()) { $0.append($1) }
        }
        #expect(Set(codes.compactMap { $0 }).isSubset(of: [.deadlineExceeded, .cancelled, .overloaded]))
        try await PooledEnclaves.wait(for: "the places") { model.waiting == 0 }
        let pipeline = RequestPipeline(model, timeout: Self.ample)
        var places: [RequestPipeline.Place] = []
        for _ in 0..<32 { places.append(try pipeline.admit(forKey: 0)) }
        #expect { _ = try pipeline.admit(forKey: 0) } throws: { ($0 as? HostError)?.code == .overloaded }
        for place in places { _ = try await pipeline.answer(Self.usual, at: place) }
        #expect(model.waiting == 0)
        await model.stop()
    }

    @Test("One timer watches the deadlines of all requests, and each deadline is kept")
    func deadlines() async throws {
        let deadlines = RequestDeadlines()
        let start = ContinuousClock.now
        for _ in 0..<20_000 { deadlines.remove(deadlines.add(start + .seconds(3600)) { Issue.record("removed") }) }
        let late = Mutex([Int]())
        let kept = (1...5).map { number in
            deadlines.add(start + .seconds(3600) + .milliseconds(number)) { late.withLock { $0.append(number) } }
        }
        try await PooledEnclaves.wait(for: "the timer") { deadlines.timers > 0 }
        #expect(deadlines.timers == 1)
        for identifier in kept { deadlines.remove(identifier) }
        let short = RequestDeadlines()
        for number in 1...5 {
            _ = short.add(.now + .milliseconds(20 * number)) { late.withLock { $0.append(number) } }
        }
        try await PooledEnclaves.wait(for: "them all") { late.withLock(\.count) == 5 }
        // Requests that expired before the same timer check end in any order.
        #expect(late.withLock { $0.sorted() } == [1, 2, 3, 4, 5])
        _ = short.add(.now + .milliseconds(20)) { late.withLock { $0.append(6) } }
        try await PooledEnclaves.wait(for: "one that came when none was left") { late.withLock(\.last) == 6 }
    }

    @Test("Over HTTP an expired request gets 503 with a code and Retry-After, and the connection stays open")
    func http() async throws {
        let model = try await model()
        var limits = ServerLimits()
        limits.requestTime = Self.short
        try await ServedHost.serving(limits, model: model) { ports in
            let connection = try Connection(port: ports.port)
            let head = "POST /ohttp HTTP/1.1\r\nHost: x\r\nContent-Type: message/ohttp-req\r\nContent-Length: 2\r\n\r\n"
            connection.send(head + "\u{0}\u{1}")
            connection.send("GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            let answers = connection.rest()
            #expect(answers.hasPrefix("HTTP/1.1 503") && answers.contains("\"deadlineExceeded\""), "\(answers)")
            #expect(answers.lowercased().contains("retry-after: 5") && answers.contains("HTTP/1.1 200"), "\(answers)")
        }
        await model.stop()
    }
}
