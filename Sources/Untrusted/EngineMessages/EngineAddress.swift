// SPDX-License-Identifier: Apache-2.0
/// The address of an engine's replica, and the name of the BackNet there: `oip+http://HOST:PORT/MODEL` or
/// `oip+grpc://HOST:PORT/MODEL`. With HTTP, parts of the path before the model's name stand before the protocol's own
/// `/v2`.
package struct EngineAddress: Sendable, Hashable, CustomStringConvertible {
    /// The form of the Open Inference Protocol.
    package enum Transport: String, Sendable, CaseIterable {
        case http = "oip+http"
        case grpc = "oip+grpc"
    }

    package let transport: Transport
    /// A host name or an address; an IPv6 address without its brackets.
    package let host: String
    package let port: Int
    /// Empty, or with a slash at its start and none at its end.
    package let prefix: String
    package let model: String

    package static let maximumReplicas = 64

    /// - Throws: ``EngineError`` (`invalidAddress`).
    package init(_ text: String) throws(EngineError) {
        func refusal(_ reason: String) -> EngineError {
            EngineError(
                .invalidAddress, "'\(text.prefix(200))' is no address of an engine: \(reason)",
                remedy: "write it as oip+http://HOST:PORT/MODEL or oip+grpc://HOST:PORT/MODEL")
        }
        let scheme = Transport.allCases.first { text.hasPrefix("\($0.rawValue)://") }
        guard let scheme else {
            throw refusal(
                text.hasPrefix("oip+https://") || text.hasPrefix("oip+grpcs://")
                    ? "TLS is not supported; use a TLS proxy beside this host" : "its scheme is none of these")
        }
        let rest = text.dropFirst(scheme.rawValue.count + 3)
        guard let slash = rest.firstIndex(of: "/") else { throw refusal("it names no model") }
        let path = rest[slash...].split(separator: "/", omittingEmptySubsequences: false).dropFirst().map(String.init)
        guard path.allSatisfy(Self.isPathPart), let model = path.last else {
            throw refusal("a part of its path is empty or has other characters than A-Z a-z 0-9 . _ -")
        }
        guard let (host, port) = Self.authority(rest[..<slash], defaultPort: scheme.defaultPort) else {
            throw refusal("it has no host, or no port from 1 to 65535")
        }
        (self.host, self.port, self.model, transport) = (host, port, model, scheme)
        prefix = path.dropLast().map { "/\($0)" }.joined()
        guard scheme == .http || prefix.isEmpty else { throw refusal("a path of gRPC is the model's name alone") }
    }

    /// Replicas of one BackNet, separated by commas.
    ///
    /// - Throws: ``EngineError`` (`invalidAddress`) also for none, one that is named twice, or more than
    ///   ``maximumReplicas``.
    package static func list(_ text: String) throws(EngineError) -> [EngineAddress] {
        var addresses: [EngineAddress] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let address = try EngineAddress(String(part))
            guard !addresses.contains(address) else {
                throw EngineError(.invalidAddress, "\(address) is named twice", remedy: "name each replica once")
            }
            addresses.append(address)
        }
        guard addresses.count <= maximumReplicas else {
            throw EngineError(
                .invalidAddress, "\(addresses.count) replicas; expected at most \(maximumReplicas)",
                remedy: "put a load balancer before them")
        }
        return addresses
    }

    /// The form in a URL.
    package var authority: String { (host.contains(":") ? "[\(host)]" : host) + ":\(port)" }
    package var description: String { "\(transport.rawValue)://\(authority)\(prefix)/\(model)" }

    private static func authority(_ text: Substring, defaultPort: Int) -> (String, Int)? {
        let (host, port): (Substring, Substring?)
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            host = text[text.index(after: text.startIndex)..<end]
            let tail = text[text.index(after: end)...]
            guard tail.isEmpty || tail.hasPrefix(":") else { return nil }
            port = tail.isEmpty ? nil : tail.dropFirst()
            guard host.utf8.allSatisfy({ $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".") || isHexadecimal($0) })
            else { return nil }
        } else {
            let colon = text.firstIndex(of: ":")
            host = text[..<(colon ?? text.endIndex)]
            port = colon.map { text[text.index(after: $0)...] }
            guard isPathPart(String(host)) else { return nil }
        }
        guard !host.isEmpty else { return nil }
        guard let port else { return (String(host), defaultPort) }
        guard let number = Int(port), String(number) == port, (1...65535).contains(number) else { return nil }
        return (String(host), number)
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
            UInt8(ascii: "A")...UInt8(ascii: "F"):
            true
        default: false
        }
    }

    private static func isPathPart(_ text: String) -> Bool {
        !text.isEmpty && text != "." && text != ".."
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }
}

extension EngineAddress.Transport {
    fileprivate var defaultPort: Int { self == .http ? 80 : 9000 }
}
