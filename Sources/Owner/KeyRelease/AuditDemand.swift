// SPDX-License-Identifier: Apache-2.0
package import SealedChannel

/// The audit that an owner demands of the host's results, whatever bundle it is for.
package struct AuditDemand: Sendable, Hashable {
    /// In millionths of the requests.
    private let share: UInt32
    /// In millionths of the largest value; `nil` for the default of the bundle's precision.
    private let tolerance: UInt32?
    /// Wrong results in a process of the enclave after which it no longer asks the host.
    private let mismatches: UInt32

    package init(share: UInt32, tolerance: UInt32?, mismatches: UInt32) {
        (self.share, self.tolerance, self.mismatches) = (share, tolerance, mismatches)
    }

    /// - Parameter precision: The bundle's: `f32`, `bf16` or `int8`.
    package func terms(precision: String) -> AuditTerms {
        let usual = precision == "f32" ? AuditTerms.defaultTolerance : AuditTerms.defaultReducedTolerance
        return AuditTerms(share: share, tolerance: tolerance ?? usual, mismatches: mismatches)
    }
}
