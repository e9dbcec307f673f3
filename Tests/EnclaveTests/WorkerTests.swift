// SPDX-License-Identifier: Apache-2.0
import EnclaveCore
import EnclaveFixtures
import Inference
import ModelGraph
import SealedChannel
import Tensors
import Testing
import Wire

@Suite("Concurrent requests")
struct WorkerTests {
    private static let workers = InferenceWorkers(count: 3)

    private func host(isAllInside: Bool, requests: UInt64 = 1000) throws -> TestHost {
        try TestHost.provisioned(TinyModel(isAllInside: isAllInside), requests: requests, workers: Self.workers)
    }

    private func request(_ host: TestHost, _ index: Int) throws -> ObliviousRequest {
        try host.deployment.request(try Picture.of(class: index % 3), for: host.evidence())
    }

    /// Has the enclave take a request.
    private func computation(_ host: TestHost, _ request: ObliviousRequest, _ requestID: UInt64) throws -> Computation {
        let step = host.take(.infer(message: request.message), requestID: requestID)
        #expect(step.frames.isEmpty)
        guard let computation = step.computation else { throw Unexpected("nothing is computed") }
        return computation
    }

    private func answer(_ frames: [Frame<EnclaveMessage>], _ request: ObliviousRequest) throws -> ClassificationAnswer {
        guard frames.count == 1, case .answer(let bytes) = frames[0].message else { throw Unexpected("no answer") }
        return try request.answer(bytes)
    }

    @Test("Each request gets its own answer, whatever the order of completion", arguments: [true, false])
    func order(isAllInside: Bool) throws {
        let host = try host(isAllInside: isAllInside)
        let requests = try (0..<6).map { try request(host, $0) }
        let computations = try (0..<6).map { try computation(host, requests[$0], UInt64($0)) }
        #expect(try host.status().inFlight == 6)
        for index in [3, 0, 5, 1, 4, 2] {
            var frames = host.finish(computations[index].run(worker: index % 3))
            #expect(frames.map(\.requestID) == [UInt64(index)])
            if !isAllInside {
                guard case .intermediate(let tensors)? = frames.first?.message else {
                    throw Unexpected("nothing came out")
                }
                let step = host.take(.backNetResult([try TestHost.backNet(tensors)]), requestID: UInt64(index))
                guard let second = step.computation else { throw Unexpected("nothing is computed") }
                frames = host.finish(second.run(worker: index % 3))
            }
            #expect(try answer(frames, requests[index]).entries.first?.index == index % 3)
        }
        #expect(try host.status().inFlight == 0)
        #expect(try host.status().answered == 6)
    }

    @Test("The result of a cancelled request is dropped, even if its identifier is in use again")
    func cancelled() throws {
        let host = try host(isAllInside: true)
        let (first, second) = (try request(host, 0), try request(host, 1))
        let old = try computation(host, first, 7)
        let computed = old.run(worker: 0)
        #expect(try host.refusal(of: .cancel, requestID: 7) == .cancelled)
        #expect(try host.refusal(of: .cancel, requestID: 7) == .unknownRequest)
        let new = try computation(host, second, 7)
        #expect(try host.refusal(of: .infer(message: try request(host, 2).message), requestID: 7) == .duplicateRequest)
        #expect(host.finish(computed).isEmpty)
        #expect(try answer(host.finish(new.run(worker: 1)), second).entries.first?.index == 1)
        // It was charged and is remembered, as its work may have been done.
        #expect(try host.refusal(of: .infer(message: first.message), requestID: 8) == .replayed)
    }

    @Test(
        "At the end of a lease running requests are refused at once, and the model is freed after the last computation"
    )
    func leaseEnd() throws {
        let host = try host(isAllInside: true)
        let requests = try (0..<3).map { try request(host, $0) }
        let late = try request(host, 0)
        let computations = try (0..<2).map { try computation(host, requests[$0], UInt64($0)) }
        let computed = computations[0].run(worker: 0)
        let frames = host.advance(by: .seconds(Deployment.terms.leaseSeconds))
        #expect(frames.map(\.requestID) == [0, 1])
        for (frame, request) in zip(frames, requests) { #expect(try answer([frame], request).status == .leaseEnded) }
        #expect(try host.status().state == .provisioned, "a thread may compute with the model")
        // Nothing is taken any more.
        let refused = host.take(.infer(message: late.message), requestID: 9)
        #expect(refused.computation == nil)
        #expect(try answer(refused.frames, late).status == .leaseEnded)
        #expect(host.finish(computed).isEmpty)
        #expect(try host.status().state == .provisioned)
        // One that had not begun is not computed.
        #expect(host.finish(computations[1].run(worker: 1)).isEmpty)
        #expect(try host.status().state == .leaseEnded)
        #expect(
            try answer(host.frames(for: .infer(message: requests[2].message), requestID: 3), requests[2]).status
                == .leaseEnded)
    }

    @Test("A renewal lets running requests finish, and a request refused before it is not served after it")
    func renewal() throws {
        let host = try host(isAllInside: true)
        let underWay = try request(host, 2)
        let stranger = AccessToken.random()
        let refused = try host.deployment.request(try Picture.floats(), for: host.evidence(), token: stranger)
        let running = try computation(host, underWay, 1)
        #expect(try refused.answer(try host.classify(refused)).status == .unknownToken)
        let clients = [ClientGrant(token: stranger.digest)]
        #expect(try host.provision(clients: clients, terms: ServiceTerms(sequence: 2, leaseSeconds: 60)) == nil)
        #expect(try host.refusal(of: .infer(message: refused.message), requestID: 2) == .unknownKey)
        #expect(try answer(host.finish(running.run(worker: 0)), underWay).entries.first?.index == 2)
    }

    @Test("Requests beyond the credits are refused without using quota, even if earlier requests were cancelled")
    func credits() throws {
        let host = try host(isAllInside: true, requests: 7)
        #expect(try host.status().credits == 6)
        let requests = try (0..<7).map { try request(host, $0) }
        var computations = try (0..<6).map { try computation(host, requests[$0], UInt64($0)) }
        #expect(try host.status().credits == 0)
        for identifier in 0..<6 as Range<UInt64> {
            #expect(try host.refusal(of: .cancel, requestID: identifier) == .cancelled)
        }
        // Their pictures are in memory until the threads have come to them.
        #expect(try host.refusal(of: .infer(message: requests[6].message), requestID: 6) == .overloaded)
        #expect(host.finish(computations.removeLast().run(worker: 0)).isEmpty)
        #expect(try host.status().credits == 1)
        #expect(try requests[6].answer(try host.classify(requests[6])).status == .answered)
    }

    @Test(
        "A request in its mapping unit takes no credit, so that the next request can begin")
    func creditsBesideMappingUnits() throws {
        let host = try host(isAllInside: false)
        let requests = try (0..<7).map { try request(host, $0) }
        let computations = try (0..<6).map { try computation(host, requests[$0], UInt64($0)) }
        guard case .intermediate(let tensors)? = host.finish(computations[0].run(worker: 0)).first?.message else {
            throw Unexpected("nothing came out")
        }
        let second = host.take(.backNetResult([try TestHost.backNet(tensors)]), requestID: 0)
        #expect(try host.status().credits == 1)
        // Its mapping unit is computed meanwhile.
        let seventh = try computation(host, requests[6], 6)
        #expect(try host.status().credits == 0)
        guard let mapping = second.computation else { throw Unexpected("nothing is computed") }
        #expect(try answer(host.finish(mapping.run(worker: 0)), requests[0]).entries.first?.index == 0)
        #expect(try host.status().credits == 0)
        #expect(host.finish(seventh.run(worker: 1)).count == 1)
        #expect(try host.status().credits == 1)
    }

    @Test("Threads share one copy of the weights")
    func weights() throws {
        let graph = try TinyModel(isAllInside: true).partition().front
        let one = try WorkerPlans(compiling: graph, options: PlanOptions(), workers: InferenceWorkers())
        let four = try WorkerPlans(
            compiling: graph, options: PlanOptions(), workers: InferenceWorkers(count: 4, threadsAlone: 2))
        #expect(one.constantBytes > 0)
        #expect(four.constantBytes == one.constantBytes)
        // Those of the workers, and the one for an inference that begins alone.
        let input = try Picture.of(class: 1)
        let expected = try one.run([input], worker: 0)[0].floats()
        for worker in 0...4 { #expect(try four.run([input], worker: worker)[0].floats() == expected) }
    }
}
