// SPDX-License-Identifier: Apache-2.0
import Attestation
import BundleFormat
import Evidence
import Foundation
import InfenclaveClient
import SealedChannel
import Tensors
import TestSupport
import Testing

@Suite("The client library against malicious servers")
struct ClientTests {
    private func client(_ url: String, _ deployment: Deployment) throws -> InfenclaveClient {
        try InfenclaveClient(
            server: url, policy: try Policy(json: try bytes(of: deployment.policy)), development: .dangerouslyAccept)
    }

    private func failure(
        _ url: String, _ deployment: Deployment
    ) async throws -> ClientError? {
        let client = try client(url, deployment)
        do {
            _ = try await client.attest()
            return nil
        } catch let error as ClientError { return error }
    }

    @Test("Recorded evidence is rejected because its nonce differs")
    func replayedEvidence() async throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let server = try Server(provisioned: deployment)
        let recorded = try server.evidence().json()
        let liar = try CannedServer(body: recorded)
        #expect(try await failure(liar.url, deployment)?.code == .attestationRejected)
        #expect(try await failure(server.url, deployment) == nil)
    }

    @Test("Redirects are not followed, long answers are cut off, and invalid evidence is refused")
    func otherAnswers() async throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let server = try Server(provisioned: deployment)
        let redirect = try CannedServer(
            Array(
                "HTTP/1.1 307 Temporary Redirect\r\nLocation: \(server.url)/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                    .utf8))
        #expect(try await failure(redirect.url, deployment)?.code == .invalidResponse)
        let long = try CannedServer(body: [UInt8](repeating: 0x20, count: EvidenceDocument.maximumBytes + 1))
        #expect(try await failure(long.url, deployment)?.code == .invalidResponse)
        let empty = try CannedServer(body: [])
        #expect(try await failure(empty.url, deployment)?.code == .invalidResponse)
        let broken = try CannedServer(Array("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{".utf8))
        #expect(try await failure(broken.url, deployment)?.code == .unreachable)
        let refusing = try CannedServer(
            status: "503 Service Unavailable",
            body: Array(#"{"error":{"code":"enclaveUnavailable","message":"no","remedy":""}}"#.utf8))
        let refusal = try await failure(refusing.url, deployment)
        #expect(refusal?.code == .refused && refusal?.refusal == "enclaveUnavailable")
    }

    @Test("Nothing is encrypted to an unprovisioned enclave, because its evidence does not state its service facts")
    func unprovisioned() async throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let server = try Server(deployment)
        let proxy = try RecordingProxy(to: server.port)
        let session = try await client(proxy.url, deployment).attest()
        #expect(!session.peer.isProvisioned)
        let picture = try Tensor([UInt8](repeating: 100, count: 64 * 64 * 3), shape: [1, 64, 64, 3])
        let token = try AccessToken(contentsOf: deployment.token)
        let error = await #expect(throws: ClientError.self) { try await session.classify(picture, token: token) }
        #expect(error?.refusal == "notProvisioned")
        #expect(!proxy.exchanges.contains { $0.asks("POST ") })
    }

    @Test("A session classifies tensors, and refuses another owner's key before anything is sent")
    func session() async throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let server = try Server(provisioned: deployment)
        let proxy = try RecordingProxy(to: server.port)
        let session = try await client(proxy.url, deployment).attest()
        #expect(session.manifest.classes == 10)
        let token = try AccessToken(contentsOf: deployment.token)
        let picture = try Tensor([UInt8](repeating: 100, count: 64 * 64 * 3), shape: [1, 64, 64, 3])
        let answer = try await session.classify(picture, token: token)
        #expect(answer.count == 10)
        #expect(abs(answer.reduce(0) { $0 + $1.probability } - 1) < 1e-5)
        #expect(zip(answer, answer.dropFirst()).allSatisfy { $0.probability >= $1.probability })
        let posts = proxy.exchanges.filter { $0.asks("POST ") }.count
        await #expect(throws: ClientError.self) {
            try await session.provision(
                modelKey: .random(), ownerKey: .random(),
                clients: [ClientGrant(token: AccessToken.random().digest)], terms: ServiceTerms(sequence: 1))
        }
        #expect(proxy.exchanges.filter { $0.asks("POST ") }.count == posts)
    }
}
