// SPDX-License-Identifier: Apache-2.0
import EngineMessages
import Foundation
import HostCore
import OpenInferenceBackNet
import Synchronization
import Tensors
import TestSupport
import Testing

/// A BackNet on test engines, and its messages to operators.
private struct Deployed {
    let backNet: OpenInferenceBackNet
    let lines = Lines()

    final class Lines: Sendable {
        private let kept = Mutex<[String]>([])
        func append(_ line: String) { kept.withLock { $0.append(line) } }
        var all: [String] { kept.withLock { $0 } }
    }

    init(
        _ engines: [TestEngine], attempt: Duration = .seconds(600), hedgeAfter: Duration? = nil
    ) async throws {
        let signature = try TestModel.signature.get()
        var limits = OpenInferenceBackNet.Limits(attempt: attempt, hedgeAfter: hedgeAfter)
        limits.checkInterval = .milliseconds(50)
        limits.checkTime = .seconds(600)
        limits.probeInterval = .milliseconds(200)
        backNet = OpenInferenceBackNet(
            try engines.map { HTTPReplica(try EngineAddress($0.address), signature: signature) },
            probe: try await EngineProbe(of: signature, computedBy: TestModel.Engine()), limits: limits
        ) { [lines] in lines.append($0.message) }
    }

    func wait(until what: String, _ condition: () -> Bool) async throws {
        let end = ContinuousClock.now + .seconds(3600)
        while !condition() {
            try #require(ContinuousClock.now < end, "no \(what): \(lines.all), \(backNet.outage ?? "")")
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    func isHealthy(_ engine: TestEngine) -> Bool { says("healthy", 1, of: engine) }

    /// Whether a metric has this value, of one engine or of all.
    func says(_ metric: String, _ value: Int, of engine: TestEngine? = nil) -> Bool {
        let labels = engine.map { "{engine=\"oip+http://127.0.0.1:\($0.port)/model\"}" } ?? ""
        return backNet.metricsText(labels: []).text.contains("infenclave_backnet_engine_\(metric)\(labels) \(value)\n")
    }

    /// - Returns: Whether the answer is there and right.
    func ask(_ seed: Float) async throws -> Bool {
        let inputs = try TestModel.inputs(seed)
        guard let run = await backNet.run(inputs) else { return false }
        return try zip(run.outputs, try TestModel.run(inputs)).allSatisfy { try $0.floats() == $1.floats() }
    }

    /// Many requests, eight at a time.
    ///
    /// - Returns: How many were answered rightly.
    func load(_ count: Int, after each: @escaping @Sendable (Int) -> Void = { _ in }) async throws -> Int {
        try await withThrowingTaskGroup(of: Int.self) { group in
            for worker in 0..<8 {
                group.addTask {
                    var right = 0
                    for number in stride(from: worker, to: count, by: 8) {
                        right += try await ask(Float(number) + 0.25) ? 1 : 0
                        each(number)
                    }
                    return right
                }
            }
            return try await group.reduce(0, +)
        }
    }
}

@Suite("Engine replicas")
struct ReplicaTests {
    @Test("No request is lost when one of two replicas is killed under load")
    func killed() async throws {
        let engines = try [TestEngine(), TestEngine()]
        let deployed = try await Deployed(engines)
        try await deployed.wait(until: "health") { engines.allSatisfy(deployed.isHealthy) }
        let answered = try await deployed.load(2000) { number in if number == 400 { engines[0].stop() } }
        #expect(answered == 2000)
        #expect(engines[0].inferences.count > 20)
        try await deployed.wait(until: "notice") { !deployed.isHealthy(engines[0]) }
        #expect(deployed.lines.all.contains { $0.contains("gets no requests") })
    }

    @Test("Two replicas share the load")
    func shared() async throws {
        let engines = try [TestEngine(), TestEngine()]
        let deployed = try await Deployed(engines)
        try await deployed.wait(until: "health") { engines.allSatisfy(deployed.isHealthy) }
        #expect(try await deployed.load(400) == 400)
        let counts = engines.map(\.inferences.count)
        #expect(counts.allSatisfy { $0 > 40 }, "\(counts)")
    }

    static let faults: [(String, TestEngine.Behaviour)] = [
        ("lies", { TestModel.answer($0, .init(change: { $0.map { $0.map { $0 * 1.5 } } })) }),
        ("another shape", { TestModel.answer($0, .init(shape: [6])) }),
        ("NaN", { TestModel.answer($0, .init(change: { $0.map { $0.map { _ in .nan } } })) }),
        ("another model", { TestModel.answer($0, .init(name: "other")) }),
        ("stalls", { $0.path.hasSuffix("/infer") ? .silence : TestModel.answer($0) }),
        ("refuses", { $0.path.hasSuffix("/infer") ? .answer(500, [:], []) : TestModel.answer($0) }),
        ("hangs up", { $0.path.hasSuffix("/infer") ? .close : TestModel.answer($0) }),
    ]

    @Test("A faulty engine is detected, and the other one answers all requests", arguments: faults.indices)
    func faulty(index: Int) async throws {
        let (name, behaviour) = Self.faults[index]
        let engines = try [TestEngine(), TestEngine()]
        // Other tests may hold the threads that check answers, so only the stalling replica has to answer in time.
        let deployed = try await Deployed(engines, attempt: name == "stalls" ? .seconds(20) : .seconds(600))
        try await deployed.wait(until: "health") { engines.allSatisfy(deployed.isHealthy) }
        engines[0].behave(behaviour)
        // Wrong answers that obey the protocol are found by the next probe with a known answer; the enclave's audit
        // finds others.
        if name != "lies" { #expect(try await deployed.load(200) == 200, "\(name)") }
        try await deployed.wait(until: "notice of \(name)") { !deployed.isHealthy(engines[0]) }
        #expect(try await deployed.load(200) == 200, "\(name)")
        engines[0].behave(TestModel.answer)
        try await deployed.wait(until: "return after \(name)") { deployed.isHealthy(engines[0]) }
    }

    @Test("An engine that has another model from the start gets no request")
    func anotherModel() async throws {
        let engine = try TestEngine { TestModel.answer($0, .init(change: { [$0[0].reversed(), $0[1]] })) }
        let deployed = try await Deployed([engine])
        try await deployed.wait(until: "notice") { deployed.backNet.outage?.contains("another model") == true }
        #expect(await deployed.backNet.run(try TestModel.inputs(1)) == nil)
    }

    @Test("Without an engine the error states the reason and remedy, and service resumes automatically")
    func outage() async throws {
        let first = try TestEngine()
        let port = first.port
        let deployed = try await Deployed([first])
        try await deployed.wait(until: "health") { deployed.backNet.outage == nil }
        first.stop()
        try await deployed.wait(until: "outage") { deployed.backNet.outage != nil }
        let outage = try #require(deployed.backNet.outage)
        #expect(outage.contains("127.0.0.1:\(port)/model"))
        #expect(outage.contains("start it"), "\(outage)")
        #expect(try await deployed.ask(1) == false)
        let second = try TestEngine(port: port)
        try await deployed.wait(until: "recovery") { deployed.backNet.outage == nil }
        #expect(try await deployed.ask(1))
        #expect(second.inferences.count > 0)
    }

    @Test("An engine receives the host's trace and span identifiers, if any, and nothing else of a request")
    func traces() async throws {
        let engine = try TestEngine()
        let deployed = try await Deployed([engine])
        try await deployed.wait(until: "health") { deployed.isHealthy(engine) }
        let marker: [UInt8] = Float(78).bitPattern.littleEndian.bytes
        #expect(try await deployed.ask(78))
        let trace = RequestTrace(at: .now)
        #expect(try await RequestTrace.$current.withValue(trace) { try await deployed.ask(78) })
        let asked = engine.inferences.filter { $0.body.firstRange(of: marker) != nil }
        #expect(asked.map { $0.headers["traceparent"] } == [nil, trace.traceParent])
        #expect(trace.traceParent.wholeMatch(of: /00-[0-9a-f]{32}-[0-9a-f]{16}-01/) != nil)
        let names = asked.map { Set($0.headers.keys).subtracting(["traceparent"]) }
        #expect(names[0] == names[1])
        // Questions about its health belong to no request.
        #expect(engine.requests.count { $0.headers["traceparent"] != nil } == 1)
    }

    /// Engines that answer this seed late, or never, and all else at once.
    private static func slow(_ seed: Float, _ reaction: @escaping TestEngine.Behaviour) -> TestEngine.Behaviour {
        let marker: [UInt8] = seed.bitPattern.littleEndian.bytes
        return { request in
            request.body.firstRange(of: marker) == nil ? TestModel.answer(request) : reaction(request)
        }
    }

    @Test(
        "With hedging, a second engine answers a request that the first delays, without counting against the first")
    func hedged() async throws {
        let engines = try [TestEngine(), TestEngine(), TestEngine()]
        let deployed = try await Deployed(engines, hedgeAfter: .milliseconds(100))
        try await deployed.wait(until: "health") { engines.allSatisfy(deployed.isHealthy) }
        // The replica that is asked first never answers.
        let asked = Mutex(0)
        for engine in engines {
            engine.behave(
                Self.slow(79) { request in
                    let isFirst = asked.withLock { count in
                        count += 1
                        return count == 1
                    }
                    return isFirst ? .silence : TestModel.answer(request)
                })
        }
        #expect(try await deployed.ask(79))
        #expect(asked.withLock { $0 } == 2)
        #expect(engines.allSatisfy(deployed.isHealthy))
        #expect(engines.allSatisfy { deployed.says("requests_waiting", 0, of: $0) })
        #expect(deployed.says("hedges_total", 1) && deployed.says("retries_total", 0))
    }

    @Test(
        "A hedged request is at no more than two engines at a time, and another engine is asked when both have failed"
    )
    func hedgedTwice() async throws {
        let engines = try (0..<3).map { _ in try TestEngine() }
        let deployed = try await Deployed(engines, hedgeAfter: .milliseconds(50))
        try await deployed.wait(until: "health") { engines.allSatisfy(deployed.isHealthy) }
        let under = Mutex(0)
        let most = Mutex(0)
        let count = Mutex(0)
        for engine in engines {
            engine.behave(
                Self.slow(80) { request in
                    let isLast = count.withLock { count in
                        count += 1
                        return count == 3
                    }
                    let now = under.withLock { under in
                        under += 1
                        return under
                    }
                    most.withLock { $0 = max($0, now) }
                    Thread.sleep(forTimeInterval: 0.5)
                    under.withLock { $0 -= 1 }
                    return isLast ? TestModel.answer(request) : .answer(500, [:], [])
                })
        }
        #expect(try await deployed.ask(80))
        #expect(most.withLock { $0 } <= 2)
        #expect(count.withLock { $0 } == 3)
        // An engine without a reference is deallocated.
        withExtendedLifetime(engines) {}
    }

    @Test("A single address is tried twice, since it may have several engines, unless it was too slow")
    func single() async throws {
        for answers in [[false, true], [false, false]] {
            let engine = try TestEngine()
            let deployed = try await Deployed([engine])
            try await deployed.wait(until: "health") { deployed.isHealthy(engine) }
            let asked = Mutex(0)
            engine.behave(
                Self.slow(85) { request in
                    let number = asked.withLock { count in
                        count += 1
                        return count - 1
                    }
                    return number < answers.count && answers[number] ? TestModel.answer(request) : .answer(503, [:], [])
                })
            #expect(try await deployed.ask(85) == answers.contains(true))
            #expect(asked.withLock { $0 } == 2)
            #expect(deployed.says("retries_total", 1))
        }
        let engine = try TestEngine()
        let deployed = try await Deployed([engine], attempt: .seconds(20))
        try await deployed.wait(until: "health") { deployed.isHealthy(engine) }
        engine.behave(Self.slow(86) { _ in .silence })
        #expect(try await deployed.ask(86) == false)
        #expect(deployed.says("retries_total", 0))
    }

    @Test("A cancelled request is sent to no further engine")
    func cancelled() async throws {
        let engines = try (0..<3).map { _ in try TestEngine() }
        let deployed = try await Deployed(engines)
        try await deployed.wait(until: "health") { engines.allSatisfy(deployed.isHealthy) }
        let asked = Mutex(0)
        for engine in engines {
            engine.behave(
                Self.slow(82) { _ in
                    asked.withLock { $0 += 1 }
                    return .silence
                })
        }
        let request = Task { try await deployed.ask(82) }
        try await deployed.wait(until: "request") { asked.withLock { $0 } == 1 }
        request.cancel()
        #expect(try await request.value == false)
        #expect(asked.withLock { $0 } == 1)
        #expect(deployed.says("retries_total", 0) && engines.allSatisfy(deployed.isHealthy))
        withExtendedLifetime(engines) {}
    }

    @Test("Non-finite values for a single request, which its client can cause, take no engine out of service")
    func overflow() async throws {
        let engines = try (0..<3).map { _ in try TestEngine() }
        let deployed = try await Deployed(engines)
        try await deployed.wait(until: "health") { engines.allSatisfy(deployed.isHealthy) }
        for engine in engines {
            engine.behave(
                Self.slow(83) { TestModel.answer($0, .init(change: { $0.map { $0.map { _ in .infinity } } })) })
        }
        for _ in 0..<3 {
            #expect(try await deployed.ask(83) == false)
            #expect(try await deployed.ask(84))
        }
        #expect(!deployed.lines.all.contains { $0.contains("gets no requests") }, "\(deployed.lines.all)")
        withExtendedLifetime(engines) {}
    }

    @Test("Without hedging no request is sent to two engines, however long one of them takes")
    func unhedged() async throws {
        let engines = try [TestEngine(), TestEngine()]
        let deployed = try await Deployed(engines)
        try await deployed.wait(until: "health") { engines.allSatisfy(deployed.isHealthy) }
        let asked = Mutex(0)
        for engine in engines {
            engine.behave(
                Self.slow(81) { request in
                    asked.withLock { $0 += 1 }
                    Thread.sleep(forTimeInterval: 2)
                    return TestModel.answer(request)
                })
        }
        #expect(try await deployed.ask(81))
        #expect(asked.withLock { $0 } == 1)
        withExtendedLifetime(engines) {}
    }

    @Test("A request that fails everywhere is sent once to each replica, and to three at most")
    func bounded() async throws {
        let engines = try (0..<5).map { _ in try TestEngine() }
        let deployed = try await Deployed(engines)
        try await deployed.wait(until: "health") { engines.allSatisfy(deployed.isHealthy) }
        let marker: [UInt8] = Float(77).bitPattern.littleEndian.bytes
        for engine in engines {
            engine.behave { request in
                request.body.firstRange(of: marker) == nil ? TestModel.answer(request) : .answer(500, [:], [])
            }
        }
        #expect(try await deployed.ask(77) == false)
        let asked = engines.map { $0.inferences.count { $0.body.firstRange(of: marker) != nil } }
        #expect(asked.sorted() == [0, 0, 1, 1, 1])
    }
}

extension UInt32 {
    fileprivate var bytes: [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: self >> (8 * $0)) } }
}
