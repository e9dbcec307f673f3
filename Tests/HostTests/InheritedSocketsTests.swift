// SPDX-License-Identifier: Apache-2.0
import Glibc
import HostServer
import Testing

@Suite("Sockets from a service manager")
struct InheritedSocketsTests {
    @Test("Variables that are missing, or for another process, pass no sockets")
    func others() throws {
        #expect(try InheritedSockets(environment: [:]) == .none)
        #expect(try InheritedSockets(environment: ["LISTEN_FDS": "2", "LISTEN_PID": "1"]) == .none)
        #expect(try InheritedSockets(environment: ["LISTEN_FDS": "2"]) == .none)
    }

    @Test(
        "Invalid descriptors, and too many sockets, are refused",
        arguments: ["0", "3", "-1", "x", "", "99999999999"])
    func counts(count: String) {
        #expect(throws: HostServerError.self) {
            try InheritedSockets(environment: ["LISTEN_FDS": count, "LISTEN_PID": String(getpid())])
        }
    }

    @Test("A socket's address is printed as it listens")
    func addresses() throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        defer { close(listener) }
        #expect(listen(listener, 1) == 0)
        let address = try #require(InheritedSockets.address(of: listener))
        #expect(address.hostname == "0.0.0.0" && address.port > 0)
        #expect(InheritedSockets.address(of: -1) == nil)
    }
}
