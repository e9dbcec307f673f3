// SPDX-License-Identifier: Apache-2.0
import Hexadecimal
import Synchronization

/// The value of the header `infenclave-route` by which a client's requests stay with one server behind a balancer. The client
/// draws it from 256 and takes none from a server, so that it links requests of one client but hardly identifies it.
final class ClientRoute: Sendable {
    static let header = "infenclave-route"

    private let value = Mutex(UInt8.random(in: .min ... .max))

    var headers: [String: String] { [Self.header: [value.withLock { $0 }].hex] }

    /// It led to a server that does not serve: another one may.
    func change() { value.withLock { $0 &+= UInt8.random(in: 1...UInt8.max) } }
}
