// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc
import InfenclaveImaging
import Synchronization
import TestSupport
import Testing

@Suite("The client library")
struct ClientLibraryTests {
    /// A client of a deployment, as a program makes it.
    private func client(
        _ url: String, _ deployment: Deployment, transport: (any ClientTransport)? = nil,
        _ change: (inout ClientOptions) -> Void = { _ in }
    ) throws -> InfenclaveClient {
        var options = ClientOptions()
        options.retries = .never
        change(&options)
        return try InfenclaveClient(
            server: url, policy: try Policy(json: try bytes(of: deployment.policy)),
            token: try AccessToken(contentsOf: deployment.token), development: .dangerouslyAccept, options: options,
            transport: transport)
    }

    private func failure(_ body: () async throws -> Void) async throws -> ClientError? {
        do {
            try await body()
            return nil
        } catch let error as ClientError { return error }
    }

    /// The most probable class.
    private func best(_ image: Image, _ client: InfenclaveClient) async throws -> String? {
        let classes = try await client.classify(image)
        return classes.first?.name
    }

    private func rejection(_ image: Image, by client: InfenclaveClient) async throws -> ClientError? {
        do {
            _ = try await client.classify(image)
            return nil
        } catch let error as ClientError { return error }
    }

    /// The content that a secret store returns.
    private func parsed<Key>(
        _ path: String, _ parse: (RawSpan) throws(SealedChannelError) -> Key
    ) throws -> Key {
        let file = try bytes(of: path)
        return try parse(file.span.bytes)
    }

    private func grey(_ value: Int) throws -> Tensor {
        try Tensor([UInt8](repeating: UInt8(value), count: 64 * 64 * 3), shape: [1, 64, 64, 3])
    }

    @Test("Pictures sent singly, as a batch and as a sequence are answered in order, over reused connections")
    func classifies() async throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let server = try Server(provisioned: deployment)
        let proxy = try RecordingProxy(to: server.port)
        let client = try client(proxy.url, deployment)
        let images = try Demo.clients.map { try Image(contentsOf: $0.0) }
        for (image, expected) in zip(images, Demo.clients.map(\.1)) {
            #expect(try await best(image, client) == expected)
        }
        #expect(proxy.connectionCount == 1)
        #expect(proxy.exchanges.count { $0.asks("GET /.well-known/infenclave/evidence") } == 1)
        let all = try await client.classify(images + images)
        #expect(all.compactMap(\.first?.name) == (Demo.clients + Demo.clients).map(\.1))
        #expect(proxy.connectionCount <= 4)
    }

    @Test("A sequence is read no further than the limit of requests in flight, and each answer is returned at once")
    func boundedFlight() async throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let server = try Server(provisioned: deployment)
        let client = try client(server.url, deployment)
        let asked = Mutex(0)
        let picture = try Image(contentsOf: Demo.clients[0].0)
        let tensor = try await client.session().encode(picture)
        let inputs = AsyncStream<Tensor> {
            asked.withLock { $0 += 1 }
            return tensor
        }
        var answers = client.classify(inputs, maximumInFlight: 3).makeAsyncIterator()
        for taken in 1...5 {
            let answer = try await answers.next()
            #expect(answer?.first?.name == "Stop")
            #expect(asked.withLock(\.self) <= taken + 3)
        }
        // A camera that gives one picture, and no second for a long time.
        let (slow, camera) = AsyncStream<Tensor>.makeStream()
        camera.yield(tensor)
        var first = client.classify(slow, maximumInFlight: 3).makeAsyncIterator()
        let answer = try await first.next()
        #expect(answer?.first?.name == "Stop")
        camera.finish()
        let end = try await first.next()
        #expect(end == nil)
    }

    @Test("A batch ends with the first failure in input order")
    func failingBatch() async throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let server = try Server(provisioned: deployment)
        let client = try client(server.url, deployment)
        let wrong = try Tensor([UInt8](repeating: 0, count: 12), shape: [1, 2, 2, 3])
        let batch = [try grey(1), wrong, try grey(2)]
        let error = try await failure { _ = try await client.classify(batch) }
        #expect(error?.code == .invalidInput && error?.refusal == .wrongTensorType)
        #expect(error?.message.contains("1x64x64x3") == true)
    }

    @Test("If a reused connection breaks, the picture is encrypted again and answered")
    func brokenConnection() async throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let server = try Server(provisioned: deployment)
        let proxy = try RecordingProxy(to: server.port, requestsPerConnection: 2)
        let client = try client(proxy.url, deployment)
        for (picture, expected) in Demo.clients {
            #expect(try await best(try Image(contentsOf: picture), client) == expected)
        }
        let posts = proxy.exchanges.filter { $0.asks("POST /ohttp ") }
        #expect(posts.count == 4)
        // The enclave would refuse a message that it has seen.
        let bodies = posts.map {
            $0.toServer.split(separator: [13, 10, 13, 10], maxSplits: 1).last.map(Array.init) ?? []
        }
        #expect(Set(bodies).count == 4)
    }

    @Test("A client that starts before its server gets an answer once the server is running")
    func early() async throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let port = try Loopback.Port()
        defer { withExtendedLifetime(port) {} }
        let client = try client(port.url, deployment)
        let picture = try Image(contentsOf: Demo.clients[0].0)
        let error = try #require(try await rejection(picture, by: client))
        #expect(error.code == .unreachable && error.isRetryable)
        #expect(error.remedy == "check the address and that `infenclave serve` runs")
        let server = try Server(deployment, options: port.options)
        let waiting = try await rejection(picture, by: client)
        #expect(waiting?.refusal == .notProvisioned)
        try succeed(deployment.provisionArguments(server.url), in: deployment.folder)
        #expect(try await best(picture, client) == "Stop")
        // And when it is gone again.
        _ = try server.stop()
        let gone = try await rejection(picture, by: client)
        #expect(gone?.code == .unreachable)
    }

    @Test("A restarted enclave reports that it is unprovisioned, and after provisioning the same client continues")
    func restarted() async throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let server = try Server(provisioned: deployment)
        let client = try client(server.url, deployment)
        let picture = try Image(contentsOf: Demo.clients[0].0)
        #expect(try await best(picture, client) == "Stop")
        let epoch = try await client.session().peer.epoch
        let first = server.program.children
        kill(try #require(first.first), SIGKILL)
        try server.program.wait(until: "new enclave") {
            server.program.children.count == 1 && server.program.children != first
        }
        try server.program.wait(until: "unprovisioned enclave") { try server.state() == "unprovisioned" }
        #expect(try await rejection(picture, by: client)?.refusal == .notProvisioned)
        try succeed(deployment.provisionArguments(server.url), in: deployment.folder)
        #expect(try await best(picture, client) == "Stop")
        #expect(try await client.session().peer.epoch != epoch)
    }

    @Test("A client is told when the lease ends, and continues under the next lease")
    func lease() async throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let server = try Server(provisioned: deployment)
        let client = try client(server.url, deployment)
        let picture = try Image(contentsOf: Demo.clients[0].0)
        #expect(try await best(picture, client) == "Stop")
        try succeed(deployment.provisionArguments(server.url) + ["--lease", "1s"], in: deployment.folder)
        try server.program.wait(until: "end of the lease") { try server.state() == "unprovisioned" }
        let error = try #require(try await rejection(picture, by: client))
        #expect(error.code == .refused && error.refusal == .leaseEnded)
        #expect(error.remedy.contains("infenclave provision"))
        let again = try await rejection(picture, by: client)
        #expect(again?.refusal == .leaseEnded)
        try succeed(deployment.provisionArguments(server.url), in: deployment.folder)
        #expect(try await best(picture, client) == "Stop")
    }

    @Test("No picture is encrypted to another enclave at the same address, or under a policy that was replaced")
    func anotherEnclave() async throws {
        let folder = try TemporaryFolder()
        let deployment = try Deployment(in: folder)
        let other = try Deployment(name: "other", in: folder)
        let server = try Server(provisioned: other)
        let proxy = try RecordingProxy(to: server.port)
        let picture = try Image(contentsOf: Demo.clients[0].0)
        let client = try client(proxy.url, deployment)
        let error = try await rejection(picture, by: client)
        #expect(error?.code == .attestationRejected)
        #expect(error?.verdict?.isAccepted == false)
        #expect(!proxy.exchanges.contains { $0.asks("POST ") })
        client.replacePolicy(try Policy(json: try bytes(of: other.policy)))
        #expect(try await best(picture, client) == "Stop")
        let posts = proxy.exchanges.count { $0.asks("POST ") }
        client.replacePolicy(try Policy(json: try bytes(of: deployment.policy)))
        #expect(try await rejection(picture, by: client)?.code == .attestationRejected)
        #expect(proxy.exchanges.count { $0.asks("POST ") } == posts)
    }

    @Test(
        "An enclave that replaces the attested one receives nothing it can decrypt, and after rejection no pictures"
    )
    func replacedEnclave() async throws {
        let folder = try TemporaryFolder()
        let deployment = try Deployment(in: folder)
        let other = try Deployment(name: "other", in: folder)
        let port = try Loopback.Port()
        defer { withExtendedLifetime(port) {} }
        let server = try Server(provisioned: deployment, options: port.options)
        let proxy = try RecordingProxy(to: server.port)
        let client = try client(proxy.url, deployment)
        let picture = try Image(contentsOf: Demo.clients[0].0)
        #expect(try await best(picture, client) == "Stop")
        let key = try #require(proxy.posts(to: "/ohttp").first?.first)
        try server.lose()
        let stranger = try Server(other, options: port.options)
        try succeed(other.provisionArguments(stranger.url), in: folder)
        let error = try await rejection(picture, by: client)
        #expect(error?.code == .attestationRejected && error?.verdict?.isAccepted == false, "\(error?.message ?? "")")
        // Messages that were sent before the evidence arrived are encrypted to the first enclave's key, whose number is
        // their first byte.
        let sent = proxy.posts(to: "/ohttp")
        #expect(sent.allSatisfy { $0.first == key } && Set(sent).count == 2)
        #expect(try stranger.metric("answers_total") == 0)
        let again = try await rejection(picture, by: client)
        #expect(again?.code == .attestationRejected)
        #expect(proxy.posts(to: "/ohttp").count == sent.count)
        // The attested enclave's deployment serves again.
        try stranger.lose()
        let back = try Server(deployment, options: port.options)
        try succeed(deployment.provisionArguments(back.url), in: folder)
        #expect(try await best(picture, client) == "Stop")
    }

    @Test("The same client finds a host that was restarted at the same port")
    func restartedHost() async throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let port = try Loopback.Port()
        defer { withExtendedLifetime(port) {} }
        let server = try Server(provisioned: deployment, options: port.options)
        let client = try client(server.url, deployment)
        let picture = try Image(contentsOf: Demo.clients[0].0)
        #expect(try await best(picture, client) == "Stop")
        try server.lose()
        let gone = try await rejection(picture, by: client)
        #expect(gone?.code == .unreachable && gone?.remedy.contains("infenclave serve") == true)
        let second = try Server(deployment, options: port.options)
        let waiting = try await rejection(picture, by: client)
        #expect(waiting?.refusal == .notProvisioned && waiting?.remedy.contains("infenclave provision") == true)
        try succeed(deployment.provisionArguments(second.url), in: deployment.folder)
        #expect(try await best(picture, client) == "Stop")
    }

    @Test("After a policy is withdrawn nothing is sent until there is another policy")
    func withdrawnPolicy() async throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let server = try Server(provisioned: deployment)
        let proxy = try RecordingProxy(to: server.port)
        let client = try client(proxy.url, deployment)
        let picture = try Image(contentsOf: Demo.clients[0].0)
        #expect(try await best(picture, client) == "Stop")
        let count = proxy.exchanges.count
        client.withdrawPolicy(reason: "it is gone")
        let error = try await rejection(picture, by: client)
        #expect(error?.code == .invalidConfiguration && error?.message.contains("withdrawn: it is gone") == true)
        #expect(error?.remedy.contains("replacePolicy") == true)
        #expect(client.currentSession == nil)
        await #expect(throws: ClientError.self) { try await client.attest() }
        await #expect(throws: ClientError.self) { try await client.attest(ReplicaPlace(0)) }
        await #expect(throws: ClientError.self) { try await client.attest(seenBefore: [:]) }
        #expect(proxy.exchanges.count == count)
        client.replacePolicy(try Policy(json: try bytes(of: deployment.policy)))
        #expect(try await best(picture, client) == "Stop")
    }

    @Test(
        "A picture sequence is read no further than the limit in flight, and an unusable picture ends it in order")
    func picturesInFlight() async throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let server = try Server(provisioned: deployment)
        let client = try client(server.url, deployment)
        let asked = Mutex(0)
        let pictures = try Demo.clients.map { try Image(contentsOf: $0.0) }
        let camera = AsyncStream<Image> {
            asked.withLock { asked in
                asked += 1
                return pictures[(asked - 1) % pictures.count]
            }
        }
        var answers = client.classify(camera, maximumInFlight: 3).makeAsyncIterator()
        for taken in 1...7 {
            let answer = try await answers.next()
            #expect(answer?.first?.name == Demo.clients[(taken - 1) % pictures.count].1)
            #expect(asked.withLock(\.self) <= taken + 3)
        }
        let (some, source) = AsyncStream<Image>.makeStream()
        // Smaller than the model's crop.
        let small = try Image(width: 1, height: 1, channels: 3, pixels: [0, 0, 0])
        for picture in [pictures[0], small, pictures[1]] { source.yield(picture) }
        source.finish()
        var few = client.classify(some).makeAsyncIterator()
        let first = try await few.next()
        #expect(first?.first?.name == Demo.clients[0].1)
        _ = try? await few.next()
        let all = try await client.classify(pictures)
        #expect(all.count == pictures.count)
    }

    @Test("If a host keeps reporting an unknown key, the client resends the same ciphertext and never encrypts again")
    func lyingHost() async throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let server = try Server(provisioned: deployment)
        let refusal = Array(#"{"error":{"code":"unknownKey","message":"no","remedy":""}}"#.utf8)
        let transport = ChangingTransport { request, _ in
            request.body == nil ? nil : TransportResponse(status: 400, headers: [:], body: refusal)
        }
        let client = try client(server.url, deployment, transport: transport) { $0.retries = RetryPolicy() }
        let error = try await failure { _ = try await client.classify(try Image(contentsOf: Demo.clients[0].0)) }
        #expect(error?.refusal == .unknownKey)
        // Always the bytes of the first encryption.
        let bodies = transport.all.compactMap { $0.body?.bytes }
        #expect(bodies.count == 18 && Set(bodies).count == 1)
        #expect(transport.count { $0.body == nil } == 9)
    }

    @Test("The route that a server sends changes nothing in a client's requests, even if it is wrong")
    func route() async throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let server = try Server(provisioned: deployment)
        let transport = RoutingTransport()
        let client = try client(server.url, deployment, transport: transport)
        for _ in 0..<3 { #expect(try await best(try Image(contentsOf: Demo.clients[0].0), client) == "Stop") }
        let routes = transport.routes
        #expect(routes.count == 4 && Set(routes).count == 1)
        #expect(routes[0]?.wholeMatch(of: /[0-9a-f]{2}/) != nil)
    }

    @Test("A full server is retried after the pause that it names, and no more often than the retry policy allows")
    func retries() async throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let server = try Server(provisioned: deployment)
        let refusal = Array(#"{"error":{"code":"overloaded","message":"no","remedy":""}}"#.utf8)
        let events = Mutex<[ClientEvent]>([])
        func transport(refusing times: Int, after seconds: Int) -> ChangingTransport {
            ChangingTransport { request, number in
                request.body != nil && number <= times
                    ? TransportResponse(status: 503, headers: ["retry-after": "\(seconds)"], body: refusal) : nil
            }
        }
        let picture = try Image(contentsOf: Demo.clients[0].0)
        func client(_ transport: ChangingTransport) throws -> InfenclaveClient {
            try self.client(server.url, deployment, transport: transport) { options in
                options.retries = RetryPolicy(maximumAttempts: 3)
                options.observer = { event in events.withLock { $0.append(event) } }
            }
        }
        let twice = transport(refusing: 2, after: 0)
        #expect(try await best(picture, client(twice)) == "Stop")
        #expect(twice.count { $0.body != nil } == 3)
        let kinds = events.withLock { $0.map(\.kind) }
        #expect(kinds == [.attestation, .classification, .retry, .classification, .retry, .classification])
        let often = transport(refusing: 9, after: 0)
        #expect(try await rejection(picture, by: client(often))?.refusal == .overloaded)
        #expect(often.count { $0.body != nil } == 3)
        // Longer than the policy waits.
        let later = transport(refusing: 1, after: 60)
        #expect(try await rejection(picture, by: client(later))?.retryAfter == .seconds(60))
        #expect(later.count { $0.body != nil } == 1)
    }

    @Test("An unreachable server is tried three times, both at the first request and after an answered one")
    func attempts() async throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let away = TransportError(.notConnected, "nobody is there")
        let absent = ChangingTransport { _, _ in throw away }
        let early = try client("http://127.0.0.1:1", deployment, transport: absent) { options in
            options.retries = RetryPolicy(maximumAttempts: 3, firstPause: .zero)
        }
        let error = try await failure { _ = try await early.classify(try grey(1)) }
        #expect(error?.code == .unreachable)
        #expect(absent.count { _ in true } == 3)
        // Its evidence comes once; then it knows the key no more, and gives no other evidence.
        let server = try Server(provisioned: deployment)
        let refusal = Array(#"{"error":{"code":"unknownKey","message":"no","remedy":""}}"#.utf8)
        let isLost = Mutex(false)
        let lost = ChangingTransport { request, _ in
            guard isLost.withLock(\.self) else { return nil }
            guard request.body != nil else { throw away }
            return TransportResponse(status: 409, headers: [:], body: refusal)
        }
        let late = try client(server.url, deployment, transport: lost) { options in
            options.retries = RetryPolicy(maximumAttempts: 3, firstPause: .zero)
        }
        _ = try await late.session()
        isLost.withLock { $0 = true }
        let other = try await failure { _ = try await late.classify(try grey(1)) }
        #expect(other?.code == .unreachable)
        #expect(lost.count { $0.body == nil } == 1 + 3)
    }

    @Test("Concurrent requests share one attestation, and cancelling one of them does not end it for the others")
    func sharedAttestation() async throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let server = try Server(provisioned: deployment)
        // No evidence comes before one of them is cancelled.
        let isHeld = Mutex(true)
        let transport = ChangingTransport { request, _ in
            while request.body == nil, isHeld.withLock(\.self) { try await Task.sleep(for: .milliseconds(5)) }
            return nil
        }
        let client = try client(server.url, deployment, transport: transport)
        let picture = try Image(contentsOf: Demo.clients[0].0)
        let requests = (0..<4).map { _ in Task { try await client.classify(picture) } }
        while transport.count(where: { _ in true }) == 0 { try await Task.sleep(for: .milliseconds(5)) }
        try await Task.sleep(for: .milliseconds(50))
        requests[0].cancel()
        isHeld.withLock { $0 = false }
        await #expect(throws: CancellationError.self) { _ = try await requests[0].value }
        for request in requests.dropFirst() {
            let classes = try await request.value
            #expect(classes.first?.name == "Stop")
        }
        #expect(transport.count { $0.body == nil } == 1)
    }

    @Test("Evidence that is older than the client allows is fetched again")
    func age() async throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let server = try Server(provisioned: deployment)
        let transport = ChangingTransport { _, _ in nil }
        let client = try client(server.url, deployment, transport: transport) { $0.maximumSessionAge = .zero }
        let picture = try Image(contentsOf: Demo.clients[0].0)
        let session = try await client.session()
        for _ in 0..<2 { _ = try await client.classify(try session.encode(picture)) }
        #expect(transport.count { $0.body == nil } == 3)
    }

    @Test("Keys and tokens are read from bytes as from files, and a client without a token reports that")
    func keysFromBytes() async throws {
        let deployment = try Deployment(in: try TemporaryFolder())
        let server = try Server(deployment)
        let token = try parsed(deployment.token, AccessToken.init(parsing:))
        #expect(try token.digest == AccessToken(contentsOf: deployment.token).digest)
        let policy = try Policy(json: try bytes(of: deployment.policy))
        let owner = try InfenclaveClient(server: server.url, policy: policy, development: .dangerouslyAccept)
        try await owner.attest().provision(
            modelKey: try parsed(deployment.modelKey, ModelKey.init(parsing:)),
            ownerKey: try parsed(deployment.ownerKey, OwnerSigningKey.init(parsing:)),
            clients: [ClientGrant(token: token.digest)], terms: ServiceTerms(sequence: 1))
        let error = try await failure { _ = try await owner.classify(try grey(7)) }
        #expect(error?.code == .unknownToken)
        let client = try InfenclaveClient(
            server: server.url, policy: policy, token: token, development: .dangerouslyAccept)
        #expect(try await client.classify(try grey(7)).count == 10)
        #expect(throws: SealedChannelError.self) { try parsed(deployment.policy, AccessToken.init(parsing:)) }
    }

    @Test("The client selects one of several models by name")
    func routes() async throws {
        let folder = try TemporaryFolder()
        let (first, second) = (try Deployment(name: "first", in: folder), try Deployment(name: "second", in: folder))
        let server = try Server(first, beside: [second])
        let policy = try Policy(json: try bytes(of: second.policy))
        func client(_ model: String?) throws -> InfenclaveClient {
            try InfenclaveClient(server: server.url, model: model, policy: policy, development: .dangerouslyAccept)
        }
        #expect(try await client("second").attest().manifest.classes == 10)
        let other = try await failure { _ = try await client("first").attest() }
        #expect(other?.code == .attestationRejected)
        let none = try await failure { _ = try await client(nil).attest() }
        #expect(none?.code == .invalidResponse)
        #expect(throws: ClientError.self) { try client("a/b") }
    }
}

/// Libcurl, and answers that a test puts in its place.
private final class ChangingTransport: ClientTransport {
    private let curl = CurlTransport()
    private let requests = Mutex<[TransportRequest]>([])
    private let answer: @Sendable (TransportRequest, _ posts: Int) async throws -> TransportResponse?

    /// - Parameter answer: What to answer, given how many were posted; `nil` asks the server.
    init(_ answer: @escaping @Sendable (TransportRequest, _ posts: Int) async throws -> TransportResponse?) {
        self.answer = answer
    }

    var all: [TransportRequest] { requests.withLock { $0 } }

    func count(where isCounted: (TransportRequest) -> Bool) -> Int {
        requests.withLock { requests in requests.count { isCounted($0) } }
    }

    func send(_ request: TransportRequest) async throws -> TransportResponse {
        requests.withLock { $0.append(request) }
        if let answer = try await answer(request, count { $0.body != nil }) { return answer }
        return try await curl.send(request)
    }
}

/// Answers with another route each time.
private final class RoutingTransport: ClientTransport {
    private let curl = CurlTransport()
    private let seen = Mutex<[String?]>([])
    var routes: [String?] { seen.withLock { $0 } }

    func send(_ request: TransportRequest) async throws -> TransportResponse {
        let count = seen.withLock { seen in
            seen.append(request.headers["infenclave-route"])
            return seen.count
        }
        let answer = try await curl.send(request)
        var headers = answer.headers
        headers["infenclave-route"] = "client\(count)"
        return TransportResponse(status: answer.status, headers: headers, body: answer.body)
    }
}
