// SPDX-License-Identifier: Apache-2.0
/// The value that leads the requests of a client to one of several enclaves, for this host and for balancers in front
/// of it. Clients choose one of a few values, so that it identifies none of them. Security must not rest on it.
package struct Route: Sendable, Hashable {
    /// In the header `infenclave-route`: 1 to 16 of the characters 0-9 and a-z.
    package let text: String

    package static let maximumBytes = 16

    /// - Returns: `nil` for what is no route.
    package init?(_ text: String) {
        let isPlain = text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) }
        guard isPlain, (1...Self.maximumBytes).contains(text.utf8.count) else { return nil }
        self.text = text
    }

    /// One of 256.
    package static func random() -> Route {
        let digits = String(UInt8.random(in: .min ... .max), radix: 16)
        return Route(digits.count < 2 ? "0" + digits : digits) ?? Route(unchecked: "00")
    }

    private init(unchecked text: String) { self.text = text }

    /// Rendezvous hashing: of the replicas that are there, the route leads to that of the highest weight, so that a replica that
    /// goes moves nobody else. FNV-1a, stirred so that the last byte counts.
    func weight(of replica: Int) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in Array(text.utf8) + [0xFF, UInt8(truncatingIfNeeded: replica)] {
            hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3
        }
        hash = (hash ^ hash >> 32) &* 0xD6E8_FEB8_6659_FD93
        return hash ^ hash >> 32
    }
}
