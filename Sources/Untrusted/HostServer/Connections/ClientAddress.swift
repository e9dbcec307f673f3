// SPDX-License-Identifier: Apache-2.0
import NIOCore

/// The key by which connections are counted: an IPv4 address, or the first 64 bits of an IPv6 address, as one customer
/// usually holds a whole /64.
package struct ClientAddress: Sendable, Hashable {
    private enum Family { case ipv4, ipv6, other }

    private let family: Family
    private let bits: UInt64

    private init(_ family: Family, _ bits: UInt64) { (self.family, self.bits) = (family, bits) }

    /// - Parameter ipv4: The address as a number, the first byte the most significant.
    package init(ipv4: UInt32) { self.init(.ipv4, UInt64(ipv4)) }

    /// - Parameter ipv6: 16 bytes. An IPv4 address that is mapped into IPv6 (`::ffff:a.b.c.d`) counts as itself; other
    ///   counts of bytes are one address together.
    package init(ipv6: [UInt8]) {
        func number(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
        guard ipv6.count == 16 else {
            self = .unknown
            return
        }
        if ipv6[..<10].allSatisfy({ $0 == 0 }), ipv6[10] == 0xFF, ipv6[11] == 0xFF {
            self.init(.ipv4, number(ipv6[12...]))
        } else {
            self.init(.ipv6, number(ipv6[..<8]))
        }
    }

    /// Connections whose address is not known.
    package static let unknown = ClientAddress(.other, 0)

    init(_ address: SocketAddress?) {
        switch address {
        // Port, then the address in the network's order.
        case .v4(let address):
            self.init(ipv4: withUnsafeBytes(of: address.address) { $0[4..<8].reduce(0) { $0 << 8 | UInt32($1) } })
        // Port, flow, then the address.
        case .v6(let address): self.init(ipv6: withUnsafeBytes(of: address.address) { Array($0[8..<24]) })
        default: self = .unknown
        }
    }
}
