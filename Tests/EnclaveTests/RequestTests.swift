// SPDX-License-Identifier: Apache-2.0
import EnclaveCore
import EnclaveFixtures
import SealedChannel
import SecretMemory
import Tensors
import Testing
import Wire

@Suite("Client requests")
struct RequestTests {
    static let models = [TinyModel(isAllInside: false), TinyModel(isAllInside: true)]

    @Test("Probabilities equal those of the whole network, for f32 and for 8-bit pictures", arguments: models.indices)
    func probabilities(model index: Int) throws {
        let model = Self.models[index]
        let host = try TestHost.provisioned(model)
        let evidence = try host.evidence()
        let cases = [
            (try Picture.floats(), Picture.values.map(Double.init)), (try Picture.bytes(), Picture.normalizedPixels),
        ]
        for kem in KeyEncapsulation.allCases {
            for (tensor, input) in cases {
                let request = try host.deployment.request(tensor, for: evidence, kem: kem)
                let answer = try request.answer(try host.classify(request))
                let expected = TinyModel.probabilities(input).enumerated().sorted { $0.element > $1.element }
                #expect(answer.status == .answered)
                #expect(answer.entries.map(\.index) == expected.prefix(2).map(\.offset))
                #expect(answer.entries.map(\.name) == expected.prefix(2).map { model.classNames[$0.offset] })
                for (entry, expected) in zip(answer.entries, expected) {
                    #expect(abs(Double(entry.probability) - expected.element) < 1e-5)
                }
            }
        }
        #expect(host.intermediates == (model.isAllInside ? 0 : 4))
    }

    @Test("Only the FrontNet's result crosses the boundary")
    func boundary() throws {
        let host = try TestHost.provisioned()
        let request = try host.deployment.request(try Picture.floats(), for: host.evidence())
        guard case .intermediate(let tensors) = try host.send(.infer(message: request.message)) else {
            Issue.record("nothing came out")
            return
        }
        let expected = TinyModel.boundary(Picture.values.map(Double.init))
        #expect(tensors.map(\.shape.dimensions) == [[1, 2, 2, 2]])
        for (found, expected) in zip(try tensors[0].floats(), expected) {
            #expect(abs(Double(found) - expected) < 1e-6)
        }
    }

    @Test("Answers of every class and all refusals have the same length")
    func lengths() throws {
        let host = try TestHost.provisioned()
        let deployment = host.deployment
        let evidence = try host.evidence()
        var lengths: Set<Int> = []
        var classes: Set<Int> = []
        for index in 0..<3 {
            let request = try deployment.request(try Picture.of(class: index), for: evidence)
            let bytes = try host.classify(request)
            lengths.insert(bytes.count)
            classes.insert(try request.answer(bytes).entries[0].index)
        }
        #expect(classes == [0, 1, 2])
        let picture = try Picture.floats()
        let unlisted = try deployment.request(picture, for: evidence, token: .random())
        let wrongShape = try deployment.request(try Tensor([Float(1), 2], shape: [2]), for: evidence)
        for (request, status) in [(unlisted, AnswerStatus.unknownToken), (wrongShape, .wrongTensorType)] {
            let bytes = try host.classify(request)
            lengths.insert(bytes.count)
            #expect(try request.answer(bytes).status == status)
        }
        #expect(lengths.count == 1)
    }

    @Test("An unlisted token is refused before the FrontNet runs")
    func unlistedToken() throws {
        for model in Self.models {
            let host = try TestHost.provisioned(model)
            let request = try host.deployment.request(try Picture.floats(), for: host.evidence(), token: .random())
            #expect(try request.answer(try host.classify(request)).status == .unknownToken)
            #expect(host.intermediates == 0)
            #expect(try host.status().inFlight == 0)
            #expect(try host.answersGoodRequest())
        }
    }

    @Test("Plaintexts that are not classification requests are refused under seal")
    func malformedPlaintexts() throws {
        let host = try TestHost.provisioned()
        let deployment = host.deployment
        let evidence = try host.evidence()
        let good = try ClassificationRequest(token: deployment.token, tensor: Picture.floats())
        let body = try good.encode()
        func encoded(_ method: String, _ path: String) -> SecretBytes {
            BinaryRequest(
                method: method, scheme: "https", authority: "", path: path,
                fields: [HTTPField(name: "content-type", value: ClassificationRequest.mediaType)]
            ).encode(content: body.bytes)
        }
        func status(_ plaintext: borrowing SecretBytes) throws -> AnswerStatus {
            let request = try deployment.seal(plaintext.bytes, for: evidence)
            return try request.answer(try host.classify(request)).status
        }
        #expect(try status(encoded("POST", "/v1/classify")) == .answered)
        #expect(try status(encoded("GET", "/v1/classify")) == .malformedRequest)
        #expect(try status(encoded("POST", "/v1/other")) == .malformedRequest)
        #expect(try status(SecretBytes(count: 0) { _ in }) == .malformedRequest)
        #expect(try status(SecretBytes(count: 700) { _ in }) == .malformedRequest)
        let whole = encoded("POST", "/v1/classify")
        for count in stride(from: 1, to: whole.count - 1, by: 7) {
            #expect(try status(SecretBytes(copying: whole.bytes.extracting(0..<count))) == .malformedRequest)
        }
        #expect(host.intermediates == 1)
    }

    @Test(
        "Inputs with non-finite values are refused before the FrontNet runs",
        arguments: [Float.nan, .infinity, -.infinity])
    func inputsNotFinite(value: Float) throws {
        let host = try TestHost.provisioned()
        var values = Picture.values
        values[5] = value
        let request = try host.deployment.request(try Tensor(values, shape: [1, 2, 2, 2]), for: host.evidence())
        #expect(try request.answer(try host.classify(request)).status == .wrongTensorType)
        #expect(host.intermediates == 0)
    }

    @Test("Replayed, truncated, altered and re-keyed messages are refused, and the service continues")
    func hostileMessages() throws {
        for model in Self.models {
            let host = try TestHost.provisioned(model)
            let evidence = try host.evidence()
            let request = try host.deployment.request(try Picture.floats(), for: evidence)
            let message = request.message
            for count in [0, 1, 6, 7, 1000, message.count - 1] {
                let code = try host.refusal(of: .infer(message: Array(message.prefix(count))))
                #expect(code == .malformed || code == .undecipherable, "cut to \(count)")
            }
            #expect(try host.refusal(of: .infer(message: message + [0])) == .undecipherable)
            for position in stride(from: 7, to: message.count, by: 53) {
                var flipped = message
                flipped[position] ^= 0x80
                #expect(try host.refusal(of: .infer(message: flipped)) == .undecipherable, "byte \(position)")
            }
            var otherKey = message
            otherKey[0] = try #require(
                (UInt8.min...UInt8.max).first { id in
                    try! evidence.configurations().allSatisfy { $0.keyIdentifier != id }
                })
            #expect(try host.refusal(of: .infer(message: otherKey)) == .unknownKey)
            let stranger = try TestHost.provisioned(model)
            let rekeyed = try host.deployment.request(try Picture.floats(), for: stranger.evidence())
            let code = try host.refusal(of: .infer(message: rekeyed.message))
            #expect(code == .unknownKey || code == .undecipherable)

            #expect(try request.answer(try host.classify(request)).status == .answered)
            #expect(try host.refusal(of: .infer(message: message)) == .replayed)
            #expect(try host.refusal(of: .infer(message: message)) == .replayed)
            #expect(try host.answersGoodRequest())
        }
    }

    @Test("Invalid tensors from the host are refused under seal, once, and the service continues")
    func impossibleResults() throws {
        let host = try TestHost.provisioned()
        let evidence = try host.evidence()
        let good = try Tensor([Float](repeating: 1, count: 8), shape: [1, 2, 2, 2])
        var values = [Float](repeating: 1, count: 8)
        values[7] = .nan
        let notANumber = try Tensor(values, shape: [1, 2, 2, 2])
        values[7] = -.infinity
        let infinite = try Tensor(values, shape: [1, 2, 2, 2])
        let bytes = try Tensor([UInt8](repeating: 1, count: 8), shape: [1, 2, 2, 2])
        let results: [[Tensor]] = [
            [], [good, good], [try good.reshaped([1, 2, 4])], [try good.reshaped([8])],
            [try Tensor([Float(1), 2, 3, 4], shape: [1, 2, 2, 1])], [notANumber], [infinite], [bytes],
        ]
        for (index, tensors) in results.enumerated() {
            let request = try host.deployment.request(try Picture.floats(), for: evidence)
            let requestID = UInt64(1000 + index)
            _ = try host.send(.infer(message: request.message), requestID: requestID)
            guard case .answer(let bytes) = try host.send(.backNetResult(tensors), requestID: requestID) else {
                Issue.record("case \(index) has no answer")
                continue
            }
            #expect(try request.answer(bytes).status == .outsideFailed)
            #expect(try host.refusal(of: .backNetResult([good]), requestID: requestID) == .unknownRequest)
        }
        #expect(try host.status().rejectedResults == UInt64(results.count))
        #expect(try host.answersGoodRequest())
    }

    @Test("Results are accepted in any order, once each, for their own request")
    func interleaved() throws {
        let host = try TestHost.provisioned()
        let evidence = try host.evidence()
        var requests: [UInt64: (ObliviousRequest, Tensor)] = [:]
        for index in 0..<3 {
            let request = try host.deployment.request(try Picture.of(class: index), for: evidence)
            let requestID = UInt64(100 + index)
            guard
                case .intermediate(let tensors) = try host.send(.infer(message: request.message), requestID: requestID)
            else { throw Unexpected("nothing came out") }
            requests[requestID] = (request, try TestHost.backNet(tensors))
        }
        #expect(try host.status().inFlight == 3)
        let another = try host.deployment.request(try Picture.floats(), for: evidence)
        #expect(try host.refusal(of: .infer(message: another.message), requestID: 101) == .duplicateRequest)
        #expect(try host.refusal(of: .backNetFailure, requestID: 99) == .unknownRequest)
        for index in [2, 0, 1] {
            let requestID = UInt64(100 + index)
            let (request, result) = try #require(requests[requestID])
            guard case .answer(let bytes) = try host.send(.backNetResult([result]), requestID: requestID) else {
                throw Unexpected("no answer")
            }
            #expect(try request.answer(bytes).entries.first?.index == index)
            #expect(try host.refusal(of: .backNetResult([result]), requestID: requestID) == .unknownRequest)
        }
    }

    @Test("A failed BackNet gives a sealed refusal; a cancelled request is removed")
    func failureAndCancellation() throws {
        let host = try TestHost.provisioned()
        let evidence = try host.evidence()
        let failed = try host.deployment.request(try Picture.floats(), for: evidence)
        _ = try host.send(.infer(message: failed.message), requestID: 500)
        guard case .answer(let bytes) = try host.send(.backNetFailure, requestID: 500) else {
            throw Unexpected("no answer")
        }
        #expect(try failed.answer(bytes).status == .outsideFailed)
        let cancelled = try host.deployment.request(try Picture.floats(), for: evidence)
        _ = try host.send(.infer(message: cancelled.message), requestID: 501)
        #expect(try host.refusal(of: .cancel, requestID: 501) == .cancelled)
        #expect(try host.refusal(of: .cancel, requestID: 501) == .unknownRequest)
        #expect(try host.refusal(of: .backNetFailure, requestID: 501) == .unknownRequest)
        #expect(try host.status().inFlight == 0)
    }

    @Test("Logits that overflow give an error instead of an answer")
    func overflow() throws {
        var model = TinyModel(isAllInside: true)
        model.gain = 3e38
        let host = try TestHost.provisioned(model)
        let request = try host.deployment.request(try Picture.of(class: 0), for: host.evidence())
        #expect(try request.answer(try host.classify(request)).status == .failed)
    }

    @Test("Equal scores are ordered by index, for every length of the list", arguments: 1...3)
    func ties(topK: Int) throws {
        var model = TinyModel(isAllInside: true)
        model.gain = 0
        model.topK = topK
        let host = try TestHost.provisioned(model)
        let request = try host.deployment.request(try Picture.floats(), for: host.evidence())
        let answer = try request.answer(try host.classify(request))
        #expect(answer.entries.map(\.index) == Array(0..<topK))
        for entry in answer.entries { #expect(abs(entry.probability - 1.0 / 3) < 1e-6) }
    }
}
