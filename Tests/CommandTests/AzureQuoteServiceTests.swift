// SPDX-License-Identifier: Apache-2.0
import Attestation
import AttestationFixtures
import Evidence
import Foundation
import InfenclaveClient
import Synchronization
import Testing

@Suite("The service that makes quotes for Azure TDX machines")
struct AzureQuoteServiceTests {
    /// A service that answers as a test says, and keeps what it was asked.
    private final class Service: ClientTransport {
        private let answer: @Sendable () throws -> (Int, [UInt8])
        private let asked = Mutex<[TransportRequest]>([])

        init(_ answer: @escaping @Sendable () throws -> (Int, [UInt8])) { self.answer = answer }

        func send(_ request: TransportRequest) async throws -> TransportResponse {
            asked.withLock { $0.append(request) }
            let (status, body) = try answer()
            return TransportResponse(status: status, headers: [:], body: body)
        }

        var requests: [TransportRequest] { asked.withLock { $0 } }
    }

    private static func json(_ quote: [UInt8]) -> [UInt8] {
        let text = Data(quote).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_")
            .replacing("=", with: "")
        return Array(#"{"quote":"\#(text)"}"#.utf8)
    }

    private static let fixture = AzureFixture.tdx().with { $0.hasQuote = false }
    private func evidence(_ byte: UInt8 = 7) throws -> [UInt8] {
        try Self.fixture.evidence(over: [UInt8](repeating: byte, count: 64))
    }

    private func isAccepted(_ evidence: [UInt8]) throws -> Bool {
        SavedEvidenceAppraiser(policy: nil).verdict(
            on: VerificationRequest(
                tee: .azureTDX, evidence: evidence, collateral: try Self.fixture.collateral(), at: Period.now,
                roots: try Self.fixture.roots())
        ).isAccepted
    }

    @Test("The service is asked once for the quote of the machine's report, and the completed evidence is accepted")
    func completes() async throws {
        let quote = try Self.fixture.tdQuote()
        let transport = Service { (200, Self.json(quote)) }
        let service = AzureQuoteService(transport: transport)
        for byte in [7, 8] as [UInt8] {
            let evidence = try evidence(byte)
            #expect(try !isAccepted(evidence))
            #expect(try await isAccepted(service.complete(evidence)))
        }
        try #require(transport.requests.count == 1)
        let request = transport.requests[0]
        #expect(request.url == "http://169.254.169.254/acc/tdquote")
        #expect(request.body?.contentType == "application/json")
        let question = try #require(
            JSONSerialization.jsonObject(with: Data(request.body?.bytes ?? [])) as? [String: String])
        let report = try #require(AzureForm.reportWithoutQuote(in: evidence()))
        let text = Data(report).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_")
        #expect(question == ["report": text.replacing("=", with: "")])
    }

    @Test("A quote fetched over HTTP is added to the evidence")
    func http() async throws {
        let quote = try Self.fixture.tdQuote()
        let server = try AnsweringServer { $0 == "/acc/tdquote" ? .init(body: Self.json(quote)) : nil }
        let whole = try await AzureQuoteService(url: server.url + "/acc/tdquote").complete(evidence())
        #expect(try isAccepted(whole))
        #expect(server.paths == ["/acc/tdquote"])
    }

    @Test("Complete evidence and evidence of another TEE are unchanged, and the service is not asked")
    func others() async throws {
        let transport = Service { (500, []) }
        let service = AzureQuoteService(transport: transport)
        let data = [UInt8](repeating: 7, count: 64)
        for evidence in [
            try AzureFixture.tdx().evidence(over: data), try AzureFixture.snp().evidence(over: data),
            try IntelFixture.tdx().evidence(over: data), [], Array("{}".utf8),
        ] { #expect(try await service.complete(evidence) == evidence) }
        #expect(transport.requests.isEmpty)
    }

    @Test("An invalid response, or the quote of another machine, is an error that names the service")
    func refusals() async throws {
        let other = try AzureFixture.tdx().with { $0.runtimeData += " " }.tdQuote()
        let answers: [(Int, [UInt8])] = [
            (404, []), (200, []), (200, Array("{}".utf8)), (200, Array(#"{"quote":"?"}"#.utf8)),
            (200, Self.json([1, 2, 3])), (200, Self.json(other)), (500, Self.json(try Self.fixture.tdQuote())),
        ]
        for answer in answers {
            let service = AzureQuoteService(transport: Service { answer })
            let evidence = try evidence()
            await #expect {
                _ = try await service.complete(evidence)
            } throws: {
                let error = $0 as? ClientError
                return error?.code == .invalidResponse && error?.message.contains("169.254.169.254") == true
            }
        }
        let silent = AzureQuoteService(transport: Service { throw TransportError(.notConnected, "nobody") })
        let evidence = try evidence()
        await #expect {
            _ = try await silent.complete(evidence)
        } throws: {
            ($0 as? ClientError)?.code == .unreachable
        }
    }
}
