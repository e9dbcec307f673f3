// SPDX-License-Identifier: Apache-2.0
/// How an enclave checks BackNet results of the host: it recomputes a random share of them.
public struct AuditTerms: Sendable, Hashable {
    /// The whole, of which ``share`` and ``tolerance`` count parts: a million.
    package static let unit: UInt32 = 1_000_000

    /// The share of requests whose BackNet is recomputed, in millionths: 1 to 1,000,000. Which ones they are is drawn
    /// inside, when the request leaves; the host is not told the share.
    public let share: UInt32
    /// How far a value may be from the enclave's own, in millionths of the largest magnitude in its tensor.
    public let tolerance: UInt32
    /// The number of wrong results after which the enclave computes every BackNet itself.
    public let mismatches: UInt32

    /// For a BackNet in f32: engines differ by about 1e-6 there.
    public static let defaultTolerance: UInt32 = 10_000
    /// For one in bf16 or int8, which the enclave computes again in f32.
    public static let defaultReducedTolerance: UInt32 = 100_000

    /// Terms in the units of the members. Values out of range are refused when a provisioning message is encoded or
    /// decoded.
    public init(share: UInt32, tolerance: UInt32 = Self.defaultTolerance, mismatches: UInt32 = 1) {
        self.share = share
        self.tolerance = tolerance
        self.mismatches = mismatches
    }

    var isValid: Bool {
        (1...Self.unit).contains(share) && (1...Self.unit).contains(tolerance) && mismatches > 0
    }
}
