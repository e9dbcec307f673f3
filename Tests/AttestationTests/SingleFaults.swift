// SPDX-License-Identifier: Apache-2.0
import Attestation
import AttestationFixtures
import BundleFormat
import Evidence
import Testing

/// Evidence with one fault: all enclosing parts are signed over the faulty part, so that no other check refuses it.
struct SingleFault: Sendable, CustomTestStringConvertible {
    let check: Check
    let code: ReasonCode
    private let name: String
    let input: @Sendable () throws -> AppraisalInput

    var testDescription: String { "\(check.rawValue): \(code.rawValue), \(name)" }

    init(
        _ check: Check, _ code: ReasonCode, _ name: String, _ input: @escaping @Sendable () throws -> AppraisalInput
    ) {
        self.check = check
        self.code = code
        self.name = name
        self.input = input
    }

    /// Saved evidence that is judged by its fixture's policy, some members of which are other.
    init<Fixture: EvidenceFixture>(
        _ check: Check, _ code: ReasonCode, _ fixture: @autoclosure @escaping @Sendable () -> Fixture,
        policy: [String: String] = [:], at time: Timestamp = Period.now,
        _ change: @escaping @Sendable (inout Fixture) -> Void
    ) {
        self.init(check, code, "\(Fixture.self)") {
            try AppraisalInput(fixture().with(change), policy: policy, at: time)
        }
    }

    /// A service, whose document, policy and nonce may be other than its enclave bound.
    init<Fixture: EvidenceFixture>(
        _ check: Check, _ code: ReasonCode, peer fixture: @autoclosure @escaping @Sendable () -> Fixture,
        nonce: [UInt8]? = nil, development: DevelopmentTEE = .refuse,
        _ document: @escaping @Sendable (inout PeerFixture<Fixture>) throws -> EvidenceDocument = { try $0.document() },
        policy: @escaping @Sendable (inout [String: String]) -> Void = { _ in }
    ) {
        self.init(check, code, "a service with \(Fixture.self)") {
            var peer = PeerFixture(fixture())
            let document = try document(&peer)
            var members = peer.policy
            policy(&members)
            return try peer.input(document, policy: members, nonce: nonce, development: development)
        }
    }
}

extension PeerFixture {
    /// The verdict that a client reaches.
    func verdict(
        on document: EvidenceDocument, policy: [String: String]? = nil, nonce: [UInt8]? = nil,
        development: DevelopmentTEE = .refuse
    ) throws -> Verdict {
        try input(document, policy: policy, nonce: nonce, development: development).verdict()
    }
}
