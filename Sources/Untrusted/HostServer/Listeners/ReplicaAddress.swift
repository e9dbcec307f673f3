// SPDX-License-Identifier: Apache-2.0
import Evidence
import HTTPTypes
import HostCore
import HummingbirdCore

/// The pool and the replica of a model that a request is for. Clients need neither, because the host chooses for them
/// and their messages name a key. Owners have to reach every replica.
struct ReplicaAddress: Sendable {
    /// `replica=K`: counts from 0.
    private let replica: Int?
    /// `pool=staged`: the staged pool, which waits for its owner.
    private let isStaged: Bool
    /// `manifest=HEX`: the pool of this bundle if there is one, otherwise the serving pool.
    private let manifestDigest: [UInt8]?

    /// - Throws: ``Refusal`` for malformed values.
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
        // A client that pins another bundle gets the evidence of the served one, so that it can report the difference.
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

    /// The numbers of replicas: of the addressed pool, and of the staged pool.
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
