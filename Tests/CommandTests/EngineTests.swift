// SPDX-License-Identifier: Apache-2.0
import Foundation
import Inference
import ModelGraph
import Synchronization
import Tensors
import TestSupport
import Testing

/// A bundle's BackNet on an engine of the tests.
private final class BackNetEngine: Sendable {
    private let plan: Mutex<Plan>
    private let outputs: [Value]
    private let shapes: [[Int]]

    init(of deployment: Deployment) throws {
        let bytes = [UInt8](try Data(contentsOf: URL(filePath: deployment.bundle + "/backnet.graph")))
        let graph = try GraphFile.decode(bytes.span.bytes)
        shapes = graph.inputs.map(\.type.shape.dimensions)
        let plan = try Plan(compiling: graph, options: PlanOptions(threads: 1))
        outputs = plan.outputs
        self.plan = Mutex(plan)
    }

    @Sendable func answer(_ request: TestEngine.Request) -> TestEngine.Reaction { answer(request) { $0 } }

    func answer(_ request: TestEngine.Request, changed by: ([Float]) -> [Float]) -> TestEngine.Reaction {
        guard request.path.hasSuffix("/infer") else { return .answer(200, [:], []) }
        guard let floats = request.floats?.values, floats.count == shapes.count,
            let tensors = try? zip(floats, shapes).map({ try Tensor($0, shape: $1) }),
            let results = try? plan.withLock({ try $0.run(tensors).map { try $0.floats() } })
        else { return .answer(400, [:], []) }
        return .answer(
            tensors: zip(outputs, results).map { ($0.name, $0.type.shape.dimensions, by($1)) })
    }
}

@Suite("Serving with the BackNet on external engines")
struct EngineTests {
    private static func server(
        _ deployment: Deployment, _ engines: [TestEngine], options: [String] = []
    ) throws -> Server {
        try Server(
            provisioned: deployment,
            options: ["--backnet", engines.map(\.address).joined(separator: ",")] + options)
    }

    private static func wait(_ server: Server, until state: String) throws {
        try server.program.wait(until: "state \(state)") { try server.state() == state }
    }

    @Test(
        "Answers equal those of the built-in engine, no request is lost with an engine, and without engines it is 503"
    )
    func engines() throws {
        let folder = try TemporaryFolder()
        let deployment = try Deployment(in: folder)
        let pictures = Demo.clients.map(\.0)
        let own = try Server(provisioned: deployment)
        let expected = try deployment.classify(own.url, pictures)
        _ = try own.stop()

        let backNet = try BackNetEngine(of: deployment)
        let engines = try [TestEngine(backNet.answer), TestEngine(backNet.answer)]
        let server = try Self.server(deployment, engines)
        try Self.wait(server, until: "ready")
        func expectAnswers(_ comment: Comment) throws {
            let answers = try deployment.classify(server.url, pictures)
            for (answer, expected) in zip(answers, expected) {
                #expect(answer.map(\.name) == expected.map(\.name), comment)
                #expect(answer.map(\.probability) == expected.map(\.probability), comment)
            }
        }
        try expectAnswers("two engines")
        engines[0].stop()
        for _ in 0..<5 { try expectAnswers("one of them killed") }
        engines[1].stop()
        try Self.wait(server, until: "backNetUnavailable")
        let ready = try server.getAsOperator("/health/ready")
        #expect(ready.status == 503)
        let reason = try #require(ready.json?["reason"] as? String)
        #expect(reason.contains(engines[0].address) && reason.contains("start it"), "\(reason)")
        let refusal = try infenclave(deployment.classifyArguments(server.url, pictures), in: folder)
        #expect(refusal.status == 1)
        #expect(refusal.code == "backNetUnavailable")
        let again = try TestEngine(port: engines[1].port, backNet.answer)
        try Self.wait(server, until: "ready")
        try expectAnswers("one of them back")
        #expect(again.inferences.count > 3)
        #expect(try server.stop().status == 0)
    }

    @Test(
        "Requests for which an engine returns invalid values get a sealed refusal, and the service continues")
    func impossible() throws {
        let folder = try TemporaryFolder()
        let deployment = try Deployment(in: folder)
        let backNet = try BackNetEngine(of: deployment)
        let engine = try TestEngine(backNet.answer)
        let server = try Self.server(deployment, [engine], options: ["--backnet-timeout", "2"])
        try Self.wait(server, until: "ready")
        for change in [{ @Sendable in $0.map { _ in Float.nan } }, { @Sendable in [1] + $0 }]
            as [@Sendable ([Float]) -> [Float]]
        {
            engine.behave { backNet.answer($0, changed: change) }
            let refusal = try infenclave(deployment.classifyArguments(server.url, [Demo.clients[0].0]), in: folder)
            #expect(refusal.status == 1)
            engine.behave(backNet.answer)
            try Self.wait(server, until: "ready")
            let answer = try deployment.classify(server.url, [Demo.clients[0].0])
            #expect(answer.first?.first?.name == Demo.clients[0].1)
        }
    }

    @Test("The owner's audit detects an engine that returns wrong results, and answers with correct results")
    func audit() throws {
        let folder = try TemporaryFolder()
        let deployment = try Deployment(in: folder)
        let picture = [Demo.clients[0].0]
        let backNet = try BackNetEngine(of: deployment)
        // It answers the host's probe, which is always the same, correctly, and other requests wrongly.
        let known = Mutex<[UInt8]?>(nil)
        let engine = try TestEngine { request in
            guard request.path.hasSuffix("/infer") else { return backNet.answer(request) }
            let first = known.withLock { first in
                first = first ?? request.body
                return first
            }
            return first == request.body ? backNet.answer(request) : backNet.answer(request) { $0.map { -$0 } }
        }
        let server = try Server(deployment, options: ["--backnet", engine.address])
        func provision(_ more: [String]) throws -> [String: Any]? {
            let outcome = try succeed(deployment.provisionArguments(server.url) + more + ["--json"], in: folder)
            return (outcome.json as? [String: Any])?["audit"] as? [String: Any]
        }
        #expect(try provision([]) == nil)
        try Self.wait(server, until: "ready")
        #expect(try deployment.classify(server.url, picture).first?.first?.name != Demo.clients[0].1)
        #expect(try provision(["--audit", "100%", "--audit-mismatches", "2"])?["results"] as? Int == 0)
        for _ in 0..<4 {
            #expect(try deployment.classify(server.url, picture).first?.first?.name == Demo.clients[0].1)
        }
        let found = try #require(try provision(["--audit", "0.05"]))
        #expect(found["results"] as? Int == 2)
        #expect(found["mismatches"] as? Int == 2)
        #expect(found["withoutHost"] as? Int == 2)
        let text = try succeed(deployment.provisionArguments(server.url), in: folder).output
        #expect(text.contains("2 of them wrong"))
        let inside = try Deployment(cuts: Demo.everythingInside, name: "inside", in: folder)
        let whole = try Server(inside)
        let refusal = try infenclave(inside.provisionArguments(whole.url) + ["--audit", "5%"], in: folder)
        #expect(refusal.status == 1 && refusal.errors.contains("all layers inside"))
    }

    @Test("Invalid engine addresses are refused before anything starts")
    func arguments() throws {
        let folder = try TemporaryFolder()
        let inside = try Deployment(cuts: Demo.everythingInside, in: folder)
        func refusal(_ bundles: [String], _ options: [String]) throws -> Outcome {
            try infenclave(["serve"] + bundles + ["--tee", "development"] + options, in: folder)
        }
        let nothing = try refusal([inside.bundle], ["--backnet", "oip+http://127.0.0.1:1/model"])
        #expect(nothing.status == 1 && nothing.errors.contains("all layers inside"))
        let grpc = try refusal([inside.bundle], ["--backnet", "http://127.0.0.1:1/model"])
        #expect(grpc.status == 64 && grpc.errors.contains("oip+http://HOST:PORT/MODEL"))
        let outside = try Deployment(name: "outside", in: folder)
        let other = try refusal([outside.bundle], ["--backnet", "oip+grpc://127.0.0.1:1/model"])
        #expect(other.status == 1 && other.errors.contains("infenclave-grpc") && other.errors.contains("oip+http://"))
        let hedge = try refusal([outside.bundle], ["--hedge-after", "0.1"])
        #expect(hedge.status == 64 && hedge.errors.contains("--backnet"))
        let unnamed = try refusal([inside.bundle, "b.infenclave"], ["--backnet", "oip+http://127.0.0.1:1/model"])
        #expect(unnamed.status == 64 && unnamed.errors.contains("NAME="))
        let unknown = try refusal([inside.bundle], ["--backnet", "other=oip+http://127.0.0.1:1/model"])
        #expect(unknown.status == 64 && unknown.errors.contains("other"))
    }
}
