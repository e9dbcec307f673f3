// SPDX-License-Identifier: Apache-2.0
import Foundation
import Glibc

/// Divides the file descriptors of this process. The process' own needs come first, because it ends when they run out;
/// clients get the rest.
package struct DescriptorLimit: Sendable {
    /// Connections of clients at a time.
    let connections: Int
    /// Connections to the admin listener at a time.
    let adminConnections: Int

    /// Descriptors opened after the start: listeners, the log, a new enclave process while the previous one is still
    /// ending (6), and accepted connections that are not in the table yet, at both listeners.
    private static let reserve = 14 + 2 * unsettledConnections
    /// Connections beyond the table's at one listener: accepted and not entered yet, or evicted and not closed yet.
    static let unsettledConnections = 4
    /// A replica of a pool that is staged beside another one: its socket, and its output.
    private static let perEnclave = 2
    /// An event loop has a queue, a wake-up and a timer.
    private static let perEventLoop = 3
    private static let fewestConnections = 2
    /// A reserve: a reload may add models and replicas that are not known at the start. It does not reduce the clients'
    /// connections.
    private static let headroom = 512

    /// Raises the soft limit as far as needed.
    ///
    /// - Parameters:
    ///   - limits: How many connections are wanted.
    ///   - enclaves: The number of enclaves that may be started in addition to the running ones; as many again when a
    ///     bundle is replaced.
    ///   - eventLoops: Threads of the HTTP server, which are not started yet.
    /// - Throws: ``HostServerError`` if too few would be left for clients.
    package init(for limits: ServerLimits, enclaves: Int = 1, eventLoops: Int) throws(HostServerError) {
        let own = Self.open() + Self.perEventLoop * eventLoops + Self.reserve + Self.perEnclave * enclaves
        let wanted = own + limits.connections + limits.adminConnections
        let available = Self.raised(to: wanted) - own
        adminConnections = min(limits.adminConnections, max(1, available / 4))
        connections = min(limits.connections, available - adminConnections)
        guard connections >= Self.fewestConnections else {
            throw HostServerError(
                message:
                    "\(own + available) file descriptors are allowed, and serving takes \(own + 2 * Self.fewestConnections) at least",
                remedy: "raise the limit: `ulimit -n 4096`, or LimitNOFILE in the unit")
        }
    }

    private static func open() -> Int {
        // Counting opens a descriptor itself. Without /proc a small number is assumed.
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count) ?? 32
    }

    /// Raises the limit to the wanted number plus the headroom, if that is allowed.
    ///
    /// - Returns: The number of descriptors that this process may have, at most the wanted number.
    private static func raised(to wanted: Int) -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return wanted }
        let desired = rlim_t(wanted + headroom)
        if limit.rlim_cur < desired {
            var raised = limit
            raised.rlim_cur = min(desired, limit.rlim_max)
            if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) == 0 { limit = raised }
        }
        return Int(min(limit.rlim_cur, rlim_t(wanted)))
    }
}
