// SPDX-License-Identifier: Apache-2.0
import EngineMessages
import Foundation
import HostCore
import OpenInferenceBackNet
import Synchronization
import Tensors
import TestSupport
import Testing

/// The outcome of one request.
private func ask(_ replica: HTTPReplica, seed: Float = 0.7, within time: Duration = .seconds(3600)) async
    -> EngineError?
{
    do throws(EngineError) {
        guard let inputs = try? TestModel.inputs(seed), let expected = try? TestModel.run(inputs) else {
            Issue.record("the test's own model does not run")
            return nil
        }
        let outputs = try await replica.infer(inputs, within: time)
        for (output, expected) in zip(outputs, expected) {
            #expect(output.type == expected.type)
            #expect((try? output.floats()) == (try? expected.floats()))
        }
        return nil
    } catch { return error }
}

private func replica(_ engine: TestEngine) throws -> HTTPReplica {
    HTTPReplica(try EngineAddress(engine.address), signature: try TestModel.signature.get())
}

@Suite("Answers of Open Inference Protocol engines")
struct EngineAnswerTests {
    @Test("Tensors are sent in binary with a content type, over a reused connection, without a model version")
    func binary() async throws {
        let engine = try TestEngine()
        let replica = try replica(engine)
        for seed in 1...5 { #expect(await ask(replica, seed: Float(seed)) == nil) }
        #expect(replica.learnedForm == .binary)
        #expect(engine.accepted == 1)
        #expect(engine.inferences.count == 5)
        for request in engine.inferences {
            #expect(request.method == "POST")
            #expect(request.path == "/v2/models/model/infer")
            #expect(request.headers["content-type"] == "application/octet-stream")
            #expect(request.headers["host"] == "127.0.0.1:\(engine.port)")
        }
    }

    @Test("A JSON answer to a binary request is accepted, with null for optional members and nested numbers")
    func jsonAnswer() async throws {
        let engine = try TestEngine { TestModel.answer($0, .init(answersInJSON: true)) }
        let replica = try replica(engine)
        #expect(await ask(replica) == nil)
        #expect(replica.learnedForm == .binary)
    }

    @Test(
        "An engine that refuses the first binary request is asked again in JSON, and then always in JSON",
        arguments: [
            (422, #"{"detail":[{"msg":"invalid"}]}"#), (500, "Internal Server Error"), (400, #"{"error":"no"}"#),
        ])
    func fallback(status: Int, body: String) async throws {
        let engine = try TestEngine { request in
            request.headers["inference-header-content-length"] == nil
                ? TestModel.answer(request) : .answer(status, [:], Array(body.utf8))
        }
        let replica = try replica(engine)
        for seed in 1...3 { #expect(await ask(replica, seed: Float(seed)) == nil) }
        #expect(replica.learnedForm == .json)
        #expect(
            engine.inferences.map { $0.headers["content-type"] == "application/json" } == [false, true, true, true])
    }

    @Test("After binary requests have worked, a refused one is not sent again; the next one detects the form again")
    func noFallback() async throws {
        let engine = try TestEngine()
        let replica = try replica(engine)
        #expect(await ask(replica) == nil)
        engine.behave { _ in .answer(500, [:], Array(#"{"error":"out of\nmemory"}"#.utf8)) }
        let error = try #require(await ask(replica))
        #expect(error.code == .refused)
        #expect(error.message.contains("out of memory"))
        #expect(engine.inferences.count == 2)
        // Another engine has taken over the address, which knows JSON only.
        engine.behave { request in
            request.headers["inference-header-content-length"] == nil
                ? TestModel.answer(request) : .answer(422, [:], [])
        }
        #expect(await ask(replica) == nil)
        #expect(replica.learnedForm == .json)
    }

    @Test("A failing proxy in front of the engine does not cause a change to JSON", arguments: [502, 504])
    func gateway(status: Int) async throws {
        let engine = try TestEngine { _ in .answer(status, [:], []) }
        let replica = try replica(engine)
        #expect(await ask(replica)?.code == .notReady)
        #expect(engine.inferences.count == 1)
        engine.behave(TestModel.answer)
        #expect(await ask(replica) == nil)
        #expect(replica.learnedForm == .binary)
    }

    @Test("Numbers in JSON survive bit-identically")
    func numbers() throws {
        let signature = try TestModel.signature.get()
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<2000 {
            let values = (0..<4).map { _ -> Float in
                let value = Float(bitPattern: UInt32.random(in: .min ... .max, using: &generator))
                return value.isFinite ? value : 0
            }
            let request = try InferRequest(
                [try Tensor(values, shape: [1, 2, 2]), try Tensor([0, -0.0, 1], shape: [1, 3])], for: signature,
                in: .json)
            let json = try #require(
                try JSONSerialization.jsonObject(with: Data(request.body)) as? [String: [[String: Any]]])
            let read = try #require(json["inputs"]?[0]["data"] as? [Double])
            #expect(read.map { Float($0) } == values)
            #expect(json["inputs"]?[1]["name"] as? String == "skip \"x\"")
        }
    }

    static let lies: [(String, TestModel.Twist, EngineError.Code)] = [
        ("another model's name", .init(name: "other"), .wrongAnswer),
        ("another shape", .init(shape: [3]), .wrongAnswer),
        ("another type", .init(datatype: "FP16"), .wrongAnswer),
        ("NaN", .init(change: { [$0[0].map { _ in .nan }, $0[1]] }), .notFinite),
        ("infinity", .init(change: { [$0[0], $0[1].map { _ in .infinity }] }), .notFinite),
        ("too few values", .init(change: { [[1], $0[1]] }), .wrongAnswer),
        ("an output missing", .init(dropsOutput: true), .wrongAnswer),
        ("bytes behind the tensors", .init(extra: [1, 2, 3]), .malformedAnswer),
    ]

    @Test(
        "Invalid answers are refused, in binary and in JSON", arguments: [false, true],
        lies.indices)
    func refusedAnswers(inJSON: Bool, index: Int) async throws {
        let (name, twist, code) = Self.lies[index]
        // JSON has no infinity and no NaN, so such an answer is not valid JSON.
        let isNoJSON = inJSON && ["NaN", "infinity"].contains(name)
        let engine = try TestEngine {
            var twist = twist
            twist.answersInJSON = inJSON
            return TestModel.answer($0, twist)
        }
        let error = try #require(await ask(try replica(engine)), "\(name)")
        #expect(error.code == (isNoJSON ? .malformedAnswer : code), "\(name): \(error)")
        #expect(!error.remedy.isEmpty)
    }

    static let noise: [(String, TestEngine.Reaction, EngineError.Code)] = [
        ("no HTTP", .raw(Array("SSH-2.0-OpenSSH\r\n\r\n".utf8)), .malformedAnswer),
        ("nothing", .close, .unreachable),
        ("half an answer", .raw(Array("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{".utf8)), .malformedAnswer),
        (
            "a header without end", .raw(Array("HTTP/1.1 200 OK\r\nx: ".utf8) + [UInt8](repeating: 97, count: 1 << 20)),
            .malformedAnswer
        ),
        (
            "a length over the limit", .raw(Array("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n".utf8)),
            .tooLarge
        ),
        (
            "a body over the limit",
            .raw(Array("HTTP/1.1 200 OK\r\n\r\n".utf8) + [UInt8](repeating: 32, count: 1 << 22)), .tooLarge
        ),
        ("silence", .silence, .timedOut),
        ("no JSON", .answer(200, [:], Array("hello".utf8)), .malformedAnswer),
        ("brackets", .answer(200, [:], [UInt8](repeating: 0x5B, count: 1 << 16)), .malformedAnswer),
        (
            "a header length of nonsense", .answer(200, ["Inference-Header-Content-Length": "-1"], [123, 125]),
            .malformedAnswer
        ),
        ("not found", .answer(404, [:], Array(#"{"error":"Request for unknown model"}"#.utf8)), .refused),
        ("unavailable", .answer(503, [:], []), .notReady),
        ("too large", .answer(413, [:], []), .tooLarge),
    ]

    @Test(
        "Any other answer, and no answer, is an error with a remedy, within the time limit", arguments: noise.indices)
    func otherNoise(index: Int) async throws {
        let (name, reaction, code) = Self.noise[index]
        let engine = try TestEngine { _ in reaction }
        // Other tests may hold the threads that answers come on.
        let time: Duration = name == "silence" ? .seconds(1) : .seconds(3600)
        let error = try #require(await ask(try replica(engine), within: time), "\(name)")
        #expect(error.code == code, "\(name): \(error)")
        #expect(!error.remedy.isEmpty, "\(name)")
    }

    @Test(
        "A model that is not ready is recognised by Triton's status 400 and by KServe's 503",
        arguments: [400, 404, 503])
    func notReady(status: Int) async throws {
        let engine = try TestEngine { _ in .answer(status, [:], []) }
        let replica = try replica(engine)
        let error = await #expect(throws: EngineError.self) { try await replica.checkReady(within: .seconds(3600)) }
        #expect(error?.code == .notReady)
        #expect(engine.requests.map(\.path) == ["/v2/models/model/ready"])
    }

    @Test("The request of a cancelled task is cancelled at once")
    func cancelled() async throws {
        let engine = try TestEngine { _ in .silence }
        let replica = try replica(engine)
        let task = Task { await ask(replica) }
        let end = ContinuousClock.now + .seconds(600)
        while engine.inferences.isEmpty, ContinuousClock.now < end { try await Task.sleep(for: .milliseconds(10)) }
        task.cancel()
        #expect(await task.value != nil)
        #expect(engine.inferences.count == 1)
    }

    @Test("The error for an engine's message size limit states the required bytes")
    func messageLimit() async throws {
        let engine = try TestEngine { _ in .answer(413, [:], []) }
        let error = try #require(await ask(try replica(engine)))
        let bytes = try #require(engine.inferences.first?.body.count)
        #expect(error.remedy.contains("\(bytes) bytes"))
    }

    @Test("An engine's closing of an idle connection fails no request")
    func keptConnection() async throws {
        let engine = try TestEngine()
        let replica = try replica(engine)
        for seed in 1...5 {
            #expect(await ask(replica, seed: Float(seed)) == nil)
            engine.closeConnections()
        }
        #expect(engine.accepted == 5)
    }
}
