// SPDX-License-Identifier: Apache-2.0
import BundleFormat
import Evidence
import Foundation
import SealedChannel
import SecretMemory
import Tensors
import TestSupport
import Testing

/// A client that can also send what an honest one would not.
private struct Attacker {
    let server: Server
    let deployment: Deployment
    let token: AccessToken

    init(_ server: Server, _ deployment: Deployment) throws {
        self.server = server
        self.deployment = deployment
        token = try AccessToken(contentsOf: deployment.token)
    }

    func configuration() throws -> KeyConfiguration {
        let list = try server.evidence().keyConfiguration
        return try KeyConfiguration.preferred(in: KeyConfiguration.parseList(list.span.bytes))
    }

    func sealed(
        to configuration: KeyConfiguration? = nil, token: AccessToken? = nil, tensor: Tensor? = nil
    ) throws -> ObliviousRequest {
        let picture = try tensor ?? Tensor([UInt8](repeating: 128, count: 64 * 64 * 3), shape: [1, 64, 64, 3])
        let request = try ClassificationRequest(token: token ?? self.token, tensor: picture)
            .encodeBinaryRequest(authority: "")
        return try ObliviousRequest.seal(request.bytes, to: try configuration ?? self.configuration())
    }

    /// What the enclave says inside the sealed answer.
    func status(of answer: HTTPAnswer, to request: ObliviousRequest) throws -> AnswerStatus {
        guard answer.status == 200 else { throw Unexpected("HTTP status \(answer.status): \(answer.code ?? "")") }
        let plaintext = try request.opener.open(answer.body.span.bytes)
        let decoded = try ClassificationAnswer(binaryResponse: plaintext.bytes)
        return decoded.status
    }

    /// An honest request is answered.
    func expectService(_ comment: Comment, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let request = try sealed()
        let answer = try server.post("/ohttp", request.message)
        #expect(answer.status == 200, comment, sourceLocation: sourceLocation)
        let status = try status(of: answer, to: request)
        #expect(status == .answered, comment, sourceLocation: sourceLocation)
    }
}

@Suite("Messages that differ from what their senders made")
struct HostileMessageTests {
    @Test("Replayed, truncated, altered and re-keyed messages are refused with a code, and the service continues")
    func messages() throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let server = try Server(provisioned: deployment)
        let attacker = try Attacker(server, deployment)
        let message = try attacker.sealed().message
        #expect(try server.post("/ohttp", message).status == 200)
        let runs = try server.metric("backnet_runs_total")

        func expectRefused(_ bytes: [UInt8], _ codes: Set<String>, _ comment: Comment) throws {
            let answer = try server.post("/ohttp", bytes)
            #expect(answer.status == 400, comment)
            #expect(codes.contains(answer.code ?? "none"), "\(comment): \(answer.code ?? "none")")
        }
        for _ in 0..<3 { try expectRefused(message, ["replayed"], "replayed") }
        for count in [0, 1, 6, 7, 8, 1127, 1128, 1300, message.count - 1] {
            try expectRefused(Array(message.prefix(count)), ["malformed", "undecipherable"], "\(count) bytes")
        }
        try expectRefused(message + [0], ["undecipherable", "replayed"], "one byte more")
        // Every byte of the header, a few of the encapsulated key, a few of the ciphertext, the whole tag.
        let places =
            Array(0..<7) + stride(from: 7, to: message.count - 16, by: 997) + (message.count - 16..<message.count)
        for place in places {
            var altered = message
            altered[place] ^= 1 << UInt8(place % 8)
            try expectRefused(
                altered, ["malformed", "undecipherable", "unknownKey", "replayed"], "byte \(place) altered")
        }
        let real = try attacker.configuration()
        let other = try Deployment(name: "other", in: deployment.folder)
        let stranger = try Attacker(try Server(provisioned: other), other).configuration()
        let rekeyed = KeyConfiguration(
            keyIdentifier: real.keyIdentifier, kem: stranger.kem, publicKey: stranger.publicKey,
            algorithms: stranger.algorithms)
        try expectRefused(try attacker.sealed(to: rekeyed).message, ["undecipherable"], "sealed to another enclave")
        let unknown = KeyConfiguration(
            keyIdentifier: real.keyIdentifier ^ 0x55, kem: real.kem, publicKey: real.publicKey,
            algorithms: real.algorithms)
        try expectRefused(
            try attacker.sealed(to: unknown).message, ["unknownKey", "undecipherable"], "unknown key identifier")

        #expect(try server.metric("backnet_runs_total") == runs)
        try attacker.expectService("after all of it")
        #expect(server.program.isRunning)
        #expect(try server.metric("enclave_restarts_total") == 0)
    }

    @Test("An unlisted token and a wrong tensor are refused before the FrontNet runs")
    func refusalsInside() throws {
        let deployment = try Deployment(options: ["--allow-f32"], in: try TemporaryFolder())
        let server = try Server(provisioned: deployment)
        let attacker = try Attacker(server, deployment)
        let runs = try server.metric("backnet_runs_total")
        func status(_ request: ObliviousRequest) throws -> AnswerStatus {
            let answer = try server.post("/ohttp", request.message)
            try #require(answer.status == 200)
            let body = answer.body
            let plaintext = try request.opener.open(body.span.bytes)
            return try ClassificationAnswer(binaryResponse: plaintext.bytes).status
        }
        #expect(try status(try attacker.sealed(token: AccessToken.random())) == .unknownToken)
        let small = try Tensor([UInt8](repeating: 1, count: 12), shape: [1, 2, 2, 3])
        #expect(try status(try attacker.sealed(tensor: small)) == .wrongTensorType)
        let infinite = try Tensor([Float](repeating: .infinity, count: 3 * 64 * 64), shape: [1, 3, 64, 64])
        #expect(try status(try attacker.sealed(tensor: infinite)) == .wrongTensorType)
        #expect(try server.metric("backnet_runs_total") == runs)
        try attacker.expectService("after the refusals")
    }

    @Test("Requests that are not OHTTP are refused in JSON, and unknown paths give 404")
    func otherRequests() throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let server = try Server(deployment)
        #expect(try server.post("/ohttp", [1, 2, 3], type: "text/plain").status == 415)
        #expect(try server.post("/ohttp", [UInt8](repeating: 0, count: 17 << 20)).status == 413)
        #expect(try server.get("/.well-known/infenclave/evidence").code == "malformed")
        #expect(try server.get("/.well-known/infenclave/evidence?nonce=zz").status == 400)
        #expect(
            try server.get("/.well-known/infenclave/evidence?nonce=\(String(repeating: "ab", count: 65))").status == 400
        )
        #expect(try server.post("/provision", [UInt8](repeating: 9, count: 100)).status >= 400)
        #expect(try server.post("/provision", []).status >= 400)
        #expect(try server.get("/manifest.json").status == 404)
        #expect(try server.get("/../../etc/passwd").status == 404)
        #expect(try server.get("/health/live").status == 200)
    }

    @Test("A policy for another owner, bundle, enclave, key or TEE rejects the server, and nothing is sent to it")
    func policies() throws {
        let folder = try TemporaryFolder()
        let deployment = try Deployment(in: folder)
        // One address asks for more evidence in a moment than a stranger gets.
        let server = try Server(provisioned: deployment, options: ["--connections-per-address", "1024"])
        let proxy = try RecordingProxy(to: server.port)
        guard
            let policy = try JSONSerialization.jsonObject(with: Data(try bytes(of: deployment.policy)))
                as? [String: Any]
        else { throw Unexpected("the policy is no object") }
        let changes: [(String, Any)] = [
            ("ownerPublicKey", String(repeating: "ab", count: 32)),
            ("manifestDigest", String(repeating: "cd", count: 32)),
            ("measurements", ["development": [String(repeating: "ef", count: 48)]]),
            ("developmentKey", String(repeating: "01", count: 32)),
        ]
        for (member, value) in changes {
            var changed = policy
            changed[member] = value
            let file = try folder.write(try JSONSerialization.data(withJSONObject: changed), to: "changed.json")
            let target = ["--server", proxy.url, "--policy", file, "--tee", "development"]
            let classified = try infenclave(
                ["classify"] + target + ["--token", deployment.token, "--json", Demo.clients[0].0], in: folder)
            #expect(classified.status == 1 && classified.code == "attestationRejected", "\(member)")
            let provisioned = try infenclave(
                ["provision"] + target + [
                    "--key", deployment.modelKey, "--owner-key", deployment.ownerKey, "--client-token",
                    deployment.token, "--json",
                ], in: folder)
            #expect(provisioned.status == 1 && provisioned.code == "attestationRejected", "\(member)")
            let attested = try infenclave(["attest"] + target + ["--json"], in: folder)
            #expect(attested.status == 1)
            let verdict = attested.json as? [String: Any]
            #expect(verdict?["verdict"] as? String == "rejected", "\(member)")
            #expect((verdict?["reasons"] as? [Any])?.isEmpty == false, "\(member)")
        }
        let exchanges = proxy.exchanges
        #expect(exchanges.count == 3 * changes.count)
        #expect(exchanges.allSatisfy { $0.asks("GET /.well-known/infenclave/evidence?nonce=") })
        // Without the word on the client's side, development evidence is not even fetched.
        let unnamed = try infenclave(
            ["classify", "--server", proxy.url, "--policy", deployment.policy, "--token", deployment.token, "--json"]
                + [Demo.clients[0].0], in: folder)
        #expect(unnamed.status == 1 && unnamed.code == "policy")
        #expect(proxy.exchanges.count == exchanges.count)
    }
}
