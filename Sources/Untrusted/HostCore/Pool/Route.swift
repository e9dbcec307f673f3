// SPDX-License-Identifier: Apache-2.0
import Hexadecimal

/// The routing key of a client's requests, for this host and for load balancers in front of it. Clients choose one of a
/// few values, so that it does not identify them. Security must not depend on it.
package struct Route: Sendable, Hashable {
    /// In the header `infenclave-route`: 1 to 16 of the characters 0-9 and a-z.
    package let text: String

    package static let maximumBytes = 16

    /// - Returns: `nil` if the text is no route.
    package init?(_ text: String) {
        let isPlain = text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) }
        guard isPlain, (1...Self.maximumBytes).contains(text.utf8.count) else { return nil }
        self.text = text
    }

    /// One of 256.
    package static func random() -> Route { Route(unchecked: [UInt8.random(in: .min ... .max)].hex) }

    private init(unchecked text: String) { self.text = text }

    /// Rendezvous hashing: the route selects the available replica with the highest weight, so that the loss of a
    /// replica does not move clients of the others. The weight is FNV-1a with a final mix, so that the last byte
    /// affects all bits.
    func weight(of replica: Int) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in Array(text.utf8) + [0xFF, UInt8(truncatingIfNeeded: replica)] {
            hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3
        }
        hash = (hash ^ hash >> 32) &* 0xD6E8_FEB8_6659_FD93
        return hash ^ hash >> 32
    }
}
