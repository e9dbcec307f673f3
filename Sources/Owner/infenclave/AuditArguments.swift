// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import BundleFormat
import Foundation
import KeyRelease
import SealedChannel

/// Options for audits of the BackNet's results.
struct AuditArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Share of the requests for which the enclave computes the BackNet again, such as 5%.",
            discussion:
                "The host learns neither the share nor the requests. A wrong result is replaced by the enclave's.",
            valueName: "share"))
    var audit: Share?
    @Option(
        help: ArgumentHelp(
            "Tolerated difference of a host's value from the enclave's, relative to the largest value in its tensor.",
            discussion: "Default: 0.01, or 0.1 for a bundle that is not f32.", valueName: "share"))
    var auditTolerance: Share?
    @Option(
        help: ArgumentHelp(
            "Wrong results after which the enclave computes every BackNet itself.",
            discussion: "They are counted until the enclave restarts.", valueName: "n"))
    var auditMismatches: UInt32 = 1

    func validate() throws {
        guard audit != nil || auditTolerance == nil else {
            throw ValidationError("--audit-tolerance goes with --audit")
        }
        guard auditMismatches > 0 else { throw ValidationError("--audit-mismatches takes 1 or more") }
    }

    var demand: AuditDemand? {
        audit.map {
            AuditDemand(share: $0.millionths, tolerance: auditTolerance?.millionths, mismatches: auditMismatches)
        }
    }

    func terms(for manifest: BundleManifest) throws -> AuditTerms? {
        guard let demand else { return nil }
        guard !manifest.cuts.everythingInside else {
            throw CommandFailure(
                "audit", "the bundle has all layers inside: there is no result of the host to check",
                remedy: "leave --audit out")
        }
        return demand.terms(precision: manifest.precision)
    }
}

extension AuditStatistics {
    /// The result of an audit, for the owner.
    var lines: [String] {
        var lines = [
            "  audit so far: \(audited) of \(results) results of the host computed again, \(mismatches) of them wrong"
        ]
        if mismatches > 0 {
            lines.append("  the host or its engine gives wrong results: look for the cause, or change it")
        }
        if withoutHost > 0 { lines.append("  \(withoutHost) requests were answered without the host") }
        return lines
    }
}

/// A share, as `5%` or `0.05`.
struct Share: ExpressibleByArgument {
    let millionths: UInt32

    init?(argument: String) {
        let isPercent = argument.hasSuffix("%")
        guard let number = Double(isPercent ? String(argument.dropLast()) : argument) else { return nil }
        let millionths = (number * Double(AuditTerms.unit) / (isPercent ? 100 : 1)).rounded()
        guard (1...Double(AuditTerms.unit)).contains(millionths) else { return nil }
        self.millionths = UInt32(millionths)
    }
}
