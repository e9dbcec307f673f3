// SPDX-License-Identifier: Apache-2.0
import SealedChannel

/// Remembers which requests were opened. Another encapsulation of the same request does not decrypt, because HPKE binds
/// the encapsulated key into the message's key.
struct ReplayGuard {
    /// 128 bits of the SHA-256 of an encapsulated key: a replay is always recognised; a new request is mistaken for one
    /// with negligible probability, unless its own sender searched for a collision.
    private struct Trace: Hashable {
        let low: UInt64
        let high: UInt64

        init(_ identifier: ContentDigest) {
            (low, high) = identifier.bytes.withUnsafeBytes {
                ($0.loadUnaligned(as: UInt64.self), $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            }
        }
    }

    private var seen: Set<Trace> = []

    var count: Int { seen.count }

    func contains(_ identifier: ContentDigest) -> Bool {
        seen.contains(Trace(identifier)) && Defence.replay.isInPlace
    }

    mutating func remember(_ identifier: ContentDigest) { seen.insert(Trace(identifier)) }
}
