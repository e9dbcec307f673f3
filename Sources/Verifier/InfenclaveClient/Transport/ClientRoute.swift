// SPDX-License-Identifier: Apache-2.0
import Hexadecimal
import Synchronization

/// The value of the header `infenclave-route` by which a client's requests stay with one server behind a balancer. The
/// client draws it from 256 values and adopts none from a server, so that it links the requests of one client but
/// hardly identifies the client.
final class ClientRoute: Sendable {
    static let header = "infenclave-route"

    private let value = Mutex(UInt8.random(in: .min ... .max))

    var headers: [String: String] { [Self.header: [value.withLock { $0 }].hex] }

    /// The route led to a server that does not serve; another route may lead to one that does.
    func change() { value.withLock { $0 &+= UInt8.random(in: 1...UInt8.max) } }
}
