// SPDX-License-Identifier: Apache-2.0
/// Where a collector takes traces: `http://HOST:PORT`, and the path before `/v1/traces` if it has one.
package struct TraceEndpoint: Sendable, Hashable, CustomStringConvertible {
    package let host: String
    package let port: Int
    /// Empty, or with a slash at its beginning and none at its end.
    package let prefix: String

    private static let standardPort = 4318

    /// - Returns: `nil` for anything else: no TLS, user, query or fragment.
    package init?(_ text: String) {
        let scheme = "http://"
        guard text.hasPrefix(scheme) else { return nil }
        let rest = text.dropFirst(scheme.count)
        let authority = rest.prefix { $0 != "/" }
        var path = rest.dropFirst(authority.count)
        while path.hasSuffix("/") { path = path.dropLast() }
        let isAddress = authority.hasPrefix("[")
        guard !isAddress || authority.contains("]") else { return nil }
        let host = isAddress ? authority.dropFirst().prefix { $0 != "]" } : authority.prefix { $0 != ":" }
        let tail = authority.dropFirst(host.count + (isAddress ? 2 : 0))
        guard tail.isEmpty || tail.hasPrefix(":"), let port = tail.isEmpty ? Self.standardPort : Int(tail.dropFirst()),
            (1...65535).contains(port), !host.isEmpty, host.utf8.allSatisfy(isAddress ? Self.isAddress : Self.isName),
            path.utf8.allSatisfy(Self.isPath)
        else { return nil }
        self.host = String(host)
        self.port = port
        prefix = String(path)
    }

    package var authority: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
    package var description: String { "http://\(authority)\(prefix)" }

    private static func isName(_ byte: UInt8) -> Bool {
        isPlain(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_")
    }

    private static func isAddress(_ byte: UInt8) -> Bool { isPlain(byte) || byte == UInt8(ascii: ":") }

    private static func isPath(_ byte: UInt8) -> Bool { isName(byte) || byte == UInt8(ascii: "/") }

    private static func isPlain(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }
}
