// SPDX-License-Identifier: Apache-2.0
import Evidence
import HTTPTypes
import HostCore
import HummingbirdCore

/// Which pool of a model and which of its replicas a question is about. Clients need neither: a host chooses for them, and their
/// messages name a key. Owners have to reach every replica.
struct ReplicaAddress: Sendable {
    /// `replica=K`: counts from 0.
    private let replica: Int?
    /// `pool=staged`: what waits for its owner beside what is served.
    private let isStaged: Bool
    /// `manifest=HEX`: the pool of this bundle where there is one, else what is served.
    private let manifestDigest: [UInt8]?

    /// - Throws: ``Refusal`` for what is neither absent nor as it has to be.
    init(_ uri: URI) throws(Refusal) {
        let query = uri.queryParameters
        switch query["replica"] {
        case nil: replica = nil
        case let text?:
            guard let number = UInt8(text), String(number) == text, Int(number) < EnclavePool.maximumReplicas else {
                throw Self.malformed("replica takes 0 to \(EnclavePool.maximumReplicas - 1)")
            }
            replica = Int(number)
        }
        switch query["pool"] {
        case nil, "serving": isStaged = false
        case "staged": isStaged = true
        case _?: throw Self.malformed("pool takes serving or staged")
        }
        switch query["manifest"] {
        case nil: manifestDigest = nil
        case let text?:
            guard text.utf8.count == 64, let digest = [UInt8](hex: text), !isStaged else {
                throw Self.malformed("manifest takes 64 hexadecimal digits, and goes without pool")
            }
            manifestDigest = digest
        }
    }

    private static func malformed(_ message: String) -> Refusal { Refusal(.badRequest, "malformed", message) }

    func pool(of model: ServedModel) throws(Refusal) -> EnclavePool {
        if isStaged {
            guard let staged = model.staged else {
                throw Refusal(.notFound, "noSuchReplica", "nothing is staged", remedy: "ask for what is served")
            }
            return staged
        }
        // A client that pins another bundle is to see what is served, and why it does not accept that.
        return manifestDigest.flatMap { model.pool(of: $0) } ?? model.serving
    }

    /// - Returns: `nil` where the host chooses.
    func member(of pool: EnclavePool) throws(Refusal) -> EnclavePool.Member? {
        guard let replica else { return nil }
        guard let member = pool.members.first(where: { $0.replica == replica }) else {
            throw Refusal(.notFound, "noSuchReplica", "there are \(pool.members.count) replicas, counted from 0")
        }
        return member
    }

    /// How many replicas there are: of the pool in question, and of one that is staged.
    static func headers(_ pool: EnclavePool, of model: ServedModel) -> HTTPFields {
        var headers: HTTPFields = [:]
        headers[.replicas] = String(pool.members.count)
        headers[.stagedReplicas] = model.staged.map { String($0.members.count) }
        return headers
    }
}

extension Route {
    /// - Returns: `nil` where there is none that can be used.
    init?(of headers: HTTPFields) {
        guard let text = headers[.route] else { return nil }
        self.init(text)
    }
}

extension HTTPField.Name {
    static let route = Self(known: "infenclave-route")
    static let replicas = Self(known: "infenclave-replicas")
    static let stagedReplicas = Self(known: "infenclave-staged-replicas")
}
