// SPDX-License-Identifier: Apache-2.0
import Foundation
import InfenclaveImaging

/// The state of the servers as the console shows it, as JSON.
struct ConsoleState: Encodable {
    struct Check: Encodable {
        let name: String
        /// The condition that has to hold.
        let summary: String
        /// `passed`, `failed` or `skipped`.
        let outcome: String
        /// For a failed check, the reason with the remedy; for a skipped check, the reason.
        let detail: String
        let found: String
        let expected: String
    }

    struct Enclave: Encodable {
        let tee: String
        let isAccepted: Bool
        let warnings: [String]
        let checks: [Check]
        let measurements: [Measurement]
        /// Seconds since 1970.
        let attested: Int64
    }

    struct Measurement: Encodable { let name: String, value: String }
    struct Crossing: Encodable { let tensor: String, shape: [Int], bytes: Int }

    struct Model: Encodable {
        let name: String
        let classes: Int
        let manifestDigest: String
        let epoch: String
        let everythingInside: Bool
        let crossing: [Crossing]
        let sigma: Double?
        let assessment: String
        let leaseSeconds: UInt32?
        let leaseSecondsLeft: UInt32?
    }

    struct Server: Encodable {
        let address: String
        /// Why it does not work; absent when it does.
        let fault: String?
        let enclave: Enclave?
        let model: Model?
    }

    let time: Double
    let policy: String
    let policyPath: String
    let servers: [Server]
    let requests: [RequestLog.Entry]
}

extension ConsoleState.Server {
    init(_ standing: UpstreamPool.Standing) {
        address = standing.server
        fault = standing.fault
        // The checks are shown for rejected enclaves as well as for accepted ones.
        let verdict = standing.session?.peer.verdict ?? standing.verdict
        enclave = verdict.map { .init($0, attested: standing.attested) }
        model = standing.session.map(ConsoleState.Model.init)
    }
}

extension ConsoleState.Enclave {
    init(_ verdict: Verdict, attested: Int64) {
        tee = verdict.tee.rawValue
        isAccepted = verdict.isAccepted
        warnings = verdict.warnings
        checks = verdict.entries.map(ConsoleState.Check.init)
        measurements = verdict.claims.measurements.map { .init(name: $0.name, value: $0.value.hex) }
        self.attested = attested
    }
}

extension ConsoleState.Check {
    init(_ entry: Verdict.Entry) {
        name = entry.check.rawValue
        summary = entry.check.summary
        (found, expected) = (entry.found, entry.expected)
        switch entry.outcome {
        case .passed: (outcome, detail) = ("passed", "")
        case .failed(let code): (outcome, detail) = ("failed", "\(code.rawValue): \(code.remedy)")
        case .skipped(let reason): (outcome, detail) = ("skipped", reason)
        }
    }
}

extension ConsoleState.Model {
    init(_ session: EnclaveSession) {
        let (manifest, peer) = (session.manifest, session.peer)
        name = manifest.model.name
        classes = manifest.classes
        manifestDigest = peer.manifestDigest.hex
        epoch = peer.epoch.hex
        everythingInside = manifest.cuts.everythingInside
        crossing = manifest.boundary.toBackNet.map { .init(tensor: $0.tensor, shape: $0.shape, bytes: $0.bytes) }
        sigma = manifest.boundary.sigma?.value
        assessment = manifest.assessment.headline
        if case .provisioned(let lease, _) = peer.facts.state {
            (leaseSeconds, leaseSecondsLeft) = (lease.seconds, lease.secondsLeft)
        } else {
            (leaseSeconds, leaseSecondsLeft) = (nil, nil)
        }
    }
}
