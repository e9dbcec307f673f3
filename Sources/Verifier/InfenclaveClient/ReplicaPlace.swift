// SPDX-License-Identifier: Apache-2.0
import Attestation
import Evidence

/// The replica whose evidence is requested from a server with several enclaves for one model.
package struct ReplicaPlace: Sendable, Hashable {
    private enum Choice: Sendable, Hashable {
        case replica(Int, isStaged: Bool)
        /// The manifest digest of the wanted bundle.
        case manifest([UInt8])
        case any
    }

    private let choice: Choice

    /// - Parameters:
    ///   - replica: Counts from 0.
    ///   - isStaged: Whether the replica belongs to the staged pool.
    package init(_ replica: Int, isStaged: Bool = false) { choice = .replica(replica, isStaged: isStaged) }

    private init(choice: Choice) { self.choice = choice }

    /// The server chooses the replica, and is told which bundle the policy pins.
    static func chosen(under policy: Policy) -> ReplicaPlace {
        guard case .require(let digest) = policy.manifestDigest else { return ReplicaPlace(choice: .any) }
        return ReplicaPlace(choice: .manifest(digest))
    }

    /// The parameters to append to the query of another one.
    var query: String {
        switch choice {
        case .replica(let number, let isStaged): "&replica=\(number)&pool=\(isStaged ? "staged" : "serving")"
        case .manifest(let digest): "&manifest=\(digest.hex)"
        case .any: ""
        }
    }
}

/// How many enclaves a server claims to have for a model. The number is not authenticated.
package struct ReplicaCount: Sendable, Hashable {
    /// The number of replicas of the serving pool; 1 or more.
    package let serving: Int
    /// The number of replicas of the staged pool.
    package let staged: Int

    /// The numbers of replicas that a server can have.
    package static let range = 1...8

    init(_ response: TransportResponse) {
        func count(_ name: String) -> Int? {
            response.headers[name].flatMap { UInt8($0) }.map { min(Int($0), Self.range.upperBound) }
        }
        serving = max(1, count("infenclave-replicas") ?? 1)
        staged = count("infenclave-staged-replicas") ?? 0
    }
}
