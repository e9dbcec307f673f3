// SPDX-License-Identifier: Apache-2.0
/// Mitigations that an SNP platform has to have in place, as the bits of the vectors in reports of version 5. AMD's
/// security bulletins define the meaning of each bit.
public struct MitigationDemand: Sendable, Hashable {
    /// Bits, 0 to 63, that must have been set when the guest was launched.
    public let launch: Set<Int>
    /// Bits that have to be set now.
    public let current: Set<Int>

    /// - Returns: `nil` when no bit is named, since that demands nothing, or for a number outside 0 to 63.
    public init?(launch: Set<Int> = [], current: Set<Int> = []) {
        guard !launch.isEmpty || !current.isEmpty, launch.union(current).allSatisfy((0...63).contains) else {
            return nil
        }
        self.launch = launch
        self.current = current
    }

    /// The bits that a vector lacks; all of them where there is no vector.
    static func missing(_ bits: Set<Int>, in vector: UInt64?) -> [Int] {
        bits.filter { (vector ?? 0) >> UInt64($0) & 1 == 0 }.sorted()
    }
}
