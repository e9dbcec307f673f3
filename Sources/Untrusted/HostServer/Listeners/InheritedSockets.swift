// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc

/// Sockets on which the service manager that started this process listens already (sd_listen_fds(3)): so no connection
/// is refused while the server starts or restarts.
package struct InheritedSockets: Sendable, Equatable {
    /// The socket for clients; `nil` if this process opens its own.
    package let clients: Int32?
    package let admin: Int32?

    package static let none = InheritedSockets(clients: nil, admin: nil)

    private init(clients: Int32?, admin: Int32?) {
        self.clients = clients
        self.admin = admin
    }

    /// The names of sockets in a `.socket` unit (`FileDescriptorName=`).
    private static let names = (clients: "clients", admin: "admin")
    private static let firstDescriptor: Int32 = 3
    private static let variables = ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"]

    /// Removes them from the environment, so that no child process uses them.
    package static func taken() throws(HostServerError) -> InheritedSockets {
        let environment = ProcessInfo.processInfo.environment
        for variable in variables { unsetenv(variable) }
        return try InheritedSockets(environment: environment)
    }

    /// - Throws: ``HostServerError`` for sockets that cannot be told apart, or that do not listen for TCP connections.
    package init(environment: [String: String]) throws(HostServerError) {
        guard let count = environment["LISTEN_FDS"], environment["LISTEN_PID"] == String(getpid()) else {
            self = .none
            return
        }
        guard let count = Int32(count), (1...2).contains(count) else {
            throw Self.error("LISTEN_FDS is '\(count.prefix(16))', expected one or two sockets")
        }
        let descriptors = Self.firstDescriptor..<(Self.firstDescriptor + count)
        for descriptor in descriptors {
            try Self.requireListening(descriptor)
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        }
        let names = environment["LISTEN_FDNAMES"].map {
            $0.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        }
        guard count == 2 else {
            let isAdmin = names == [Self.names.admin]
            self.init(
                clients: isAdmin ? nil : Self.firstDescriptor, admin: isAdmin ? Self.firstDescriptor : nil)
            return
        }
        guard let names, Set(names) == [Self.names.clients, Self.names.admin], names.count == 2 else {
            throw Self.error(
                "two sockets are passed, with the names '\((names ?? []).joined(separator: ":").prefix(200))'")
        }
        let clientsFirst = names[0] == Self.names.clients
        self.init(
            clients: Self.firstDescriptor + (clientsFirst ? 0 : 1), admin: Self.firstDescriptor + (clientsFirst ? 1 : 0)
        )
    }

    private static func requireListening(_ descriptor: Int32) throws(HostServerError) {
        func option(_ name: Int32) -> Int32? {
            var value: Int32 = 0
            var length = socklen_t(MemoryLayout<Int32>.size)
            return getsockopt(descriptor, SOL_SOCKET, name, &value, &length) == 0 ? value : nil
        }
        guard option(SO_ACCEPTCONN) == 1, option(SO_TYPE) == Int32(SOCK_STREAM.rawValue),
            [AF_INET, AF_INET6].contains(option(SO_DOMAIN))
        else { throw error("descriptor \(descriptor) is no TCP socket that listens") }
    }

    private static func error(_ message: String) -> HostServerError {
        HostServerError(
            message: "the service manager's sockets: \(message)",
            remedy:
                "in the .socket units, write ListenStream=HOST:PORT with FileDescriptorName=clients, and =admin for the admin listener; leave Accept= out"
        )
    }

    /// The address that a socket listens on, to be shown.
    package static func address(of descriptor: Int32) -> ListeningAddress? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                guard getsockname(descriptor, address, &length) == 0 else { return nil }
                var host = [CChar](repeating: 0, count: Int(NI_MAXHOST))
                var service = [CChar](repeating: 0, count: Int(NI_MAXSERV))
                guard
                    getnameinfo(
                        address, length, &host, socklen_t(host.count), &service, socklen_t(service.count),
                        NI_NUMERICHOST | NI_NUMERICSERV) == 0
                else { return nil }
                func text(_ characters: [CChar]) -> String {
                    String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
                }
                return Int(text(service)).map { ListeningAddress(hostname: text(host), port: $0) }
            }
        }
    }
}
