// SPDX-License-Identifier: Apache-2.0
import Attestation
import AttestationFixtures
import BundleFormat
import Crypto
import Evidence
import Foundation
import Glibc
import InfenclaveClient
import KeyRelease
import SealedChannel
import Synchronization
import Tensors

/// An owner with a bundle, for services that are served by ``AttestedService``.
struct ServiceOwner {
    let deployment: Deployment
    let signing: Curve25519.Signing.PrivateKey
    let key: OwnerSigningKey
    let core: [UInt8]
    let manifest: [UInt8]

    /// - Parameter seed: Of the owner's key; another bundle of the same owner has the same one.
    init(
        in folder: TemporaryFolder, name: String = "model", cuts: Cuts = Demo.everythingInside,
        seed: [UInt8] = [UInt8](repeating: 9, count: 32)
    ) throws {
        signing = try Curve25519.Signing.PrivateKey(rawRepresentation: seed)
        key = try OwnerSigningKey(seed: seed.span.bytes)
        if !FileManager.default.fileExists(atPath: folder.file("owner.key")) {
            try key.write(to: folder.file("owner.key"))
            try AccessToken.random().write(to: folder.file("client.token"))
        }
        deployment = try Deployment(cuts: cuts, name: name, in: folder)
        core = try bytes(of: deployment.bundle + "/manifest.core")
        manifest = try bytes(of: deployment.bundle + "/manifest.json")
    }

    func peer<Fixture: EvidenceFixture>(_ fixture: Fixture) throws -> PeerFixture<Fixture> {
        var peer = PeerFixture(fixture, owner: signing, manifest: manifest)
        peer.service = try ManifestCore(decoding: core).service
        peer.manifestCore = core
        return peer
    }

    /// The fixture's policy for this bundle, signed.
    func writePolicy(
        _ fixture: some EvidenceFixture, to name: String = "signed.json", sequence: UInt64 = 1,
        _ changes: [String: String] = [:], without absent: [String] = []
    ) throws -> String {
        var members = try peer(fixture).policy.merging(changes) { $1 }
        for name in ["assessment"] + absent { members[name] = nil }
        let path = try fixture.writePolicy(members, to: name, in: deployment.folder)
        try SignedPolicy.sign(path, sequence: sequence, by: key)
        return path
    }
}

/// Serves an enclave in a test TEE over HTTP: its evidence is bound to the request's nonce, and it decrypts the owner's
/// messages with real keys.
final class AttestedService<Fixture: EvidenceFixture>: Sendable {
    /// What becomes of the owner's messages.
    enum Reception: Sendable {
        case takes
        /// The host says that they were taken, and keeps them.
        case keeps
        /// The connection ends without an answer.
        case drops
    }

    struct State: Sendable {
        var owner: ServiceOwner
        var fixture: Fixture
        var keys: ChannelKeyPair
        var epoch: [UInt8]
        var facts = EnclaveFacts.State.unprovisioned
        var reception = Reception.takes
        /// Messages by the epoch at their time, in order.
        var received: [(epoch: [UInt8], bytes: [UInt8])] = []
        /// The last that was opened.
        var provisioned: ProvisioningMessage?
        /// The results of the enclave's audit, which its answer to a message contains; `nil` for an answer without
        /// them.
        var statistics: AuditStatistics?
    }

    private let state: Mutex<State>
    private let listener: Int32
    let port: Int
    var url: String { "http://127.0.0.1:\(port)" }

    init(_ owner: ServiceOwner, _ fixture: Fixture) throws {
        state = Mutex(
            State(
                owner: owner, fixture: fixture, keys: try ChannelKeyPair.generate(), epoch: EnclaveEpoch.random().bytes)
        )
        (listener, port) = try Loopback.listen()
        Thread.detachNewThread { [listener, weak self] in
            while true {
                let client = Loopback.accept(listener)
                guard client >= 0, let self else { return }
                self.answer(client)
                close(client)
            }
        }
    }

    deinit { shutdown(listener, Int32(SHUT_RDWR)) }

    func change<Result>(_ body: (inout sending State) throws -> sending Result) rethrows -> Result {
        try state.withLock { try body(&$0) }
    }

    /// A new run of the enclave.
    func restart() throws {
        let keys = try ChannelKeyPair.generate()
        change { state in
            (state.keys, state.epoch, state.facts) = (keys, EnclaveEpoch.random().bytes, .unprovisioned)
        }
    }

    var received: [(epoch: [UInt8], bytes: [UInt8])] { change { $0.received } }

    private func answer(_ client: Int32) {
        var request: [UInt8] = []
        var end: Int?
        var length = 0
        while end == nil || request.count < (end ?? 0) + length {
            let more = Loopback.receive(client)
            guard !more.isEmpty else { return }
            request += more
            let text = String(decoding: request, as: UTF8.self)
            if end == nil, let head = text.firstRange(of: "\r\n\r\n") {
                end = text[..<head.upperBound].utf8.count
                length = text.firstMatch(of: /(?i)content-length: *([0-9]+)/).flatMap { Int($0.output.1) } ?? 0
            }
        }
        let line = String(decoding: request.prefix { $0 != 13 }, as: UTF8.self).split(separator: " ")
        guard line.count > 1, let (status, body) = try? answer(String(line[1]), Array(request[(end ?? 0)...])) else {
            return
        }
        let head = "HTTP/1.1 \(status) X\r\nContent-Length: \(body.count)\r\nConnection: close\r\n\r\n"
        _ = Loopback.send(Array(head.utf8) + body, to: client)
        shutdown(client, Int32(SHUT_WR))
        while !Loopback.receive(client).isEmpty {}
    }

    private func answer(_ path: String, _ body: [UInt8]) throws -> (Int, [UInt8])? {
        let prefix = "/.well-known/infenclave/evidence?nonce="
        return try state.withLock { state -> (Int, [UInt8])? in
            switch path.prefix(while: { $0 != "?" }) {
            case "/health/ready":
                guard case .provisioned = state.facts else { return (503, []) }
                return (200, [])
            case "/provision":
                state.received.append((state.epoch, body))
                switch state.reception {
                case .drops: return nil
                case .keeps: return (200, [])
                case .takes: return (200, try Self.provision(&state, body))
                }
            default:
                guard path.hasPrefix(prefix),
                    let nonce = [UInt8](hex: path.dropFirst(prefix.count).prefix { $0 != "&" })
                else {
                    return (404, [])
                }
                return (200, try Self.evidence(state, nonce))
            }
        }
    }

    private static func evidence(_ state: State, _ nonce: [UInt8]) throws -> [UInt8] {
        var peer = try state.owner.peer(state.fixture)
        (peer.nonce, peer.epoch, peer.keyConfiguration) = (nonce, state.epoch, state.keys.keyConfiguration)
        let parts = try ManifestCore(decoding: state.owner.core).parts
        peer.facts = try EnclaveFacts(
            frontNetDigest: parts[0].digest, mappingUnitDigest: parts[1].digest, state: state.facts
        ).encoded()
        return try peer.document().json()
    }

    /// - Returns: The host's answer.
    private static func provision(_ state: inout State, _ message: [UInt8]) throws -> [UInt8] {
        guard let epoch = EnclaveEpoch(bytes: state.epoch) else { return [] }
        let (opened, sealer) = try ProvisioningMessage.openForAnswer(
            message.span.bytes, with: state.keys,
            expecting: .init(
                owner: state.owner.key.publicKey, manifestDigest: ContentDigest(of: state.owner.core), epoch: epoch))
        if let before = state.provisioned, before.epoch == epoch, before.terms.sequence >= opened.terms.sequence {
            throw Unexpected("a message came twice")
        }
        state.provisioned = opened
        let seconds = opened.terms.leaseSeconds
        state.facts = .provisioned(
            .init(sequence: opened.terms.sequence, seconds: seconds, secondsLeft: seconds),
            try ManifestCore(decoding: state.owner.core).service)
        guard let statistics = state.statistics else { return Array(#"{"state":"ready"}"#.utf8) }
        let sealed = try sealer.seal(statistics.encoded().span.bytes)
        return Array(#"{"state":"ready","statistics":"\#(Data(sealed).base64EncodedString())"}"#.utf8)
    }
}
