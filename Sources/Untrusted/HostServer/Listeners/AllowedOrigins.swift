// SPDX-License-Identifier: Apache-2.0
import HTTPTypes

/// The origins whose pages may use this host from a browser (CORS: WHATWG Fetch, section 3.2). Others may send requests
/// too, but browsers do not let their pages read the answers.
package struct AllowedOrigins: Sendable {
    private let origins: Set<String>

    /// No origin is allowed.
    package static let none = AllowedOrigins([])

    private init(_ origins: Set<String>) { self.origins = origins }

    /// - Parameter texts: Each as browsers send it: `https://example.org`, or `https://example.org:8443`.
    /// - Throws: ``HostServerError`` naming the first that is no origin.
    package init(parsing texts: [String]) throws(HostServerError) {
        for text in texts where !Self.isOrigin(text) {
            throw HostServerError(
                message: "'\(text)' is no origin of a page",
                remedy:
                    "write it as browsers send it: https://HOST or https://HOST:PORT, in lower case, without a path and "
                    + "without the scheme's own port")
        }
        self.init(Set(texts))
    }

    /// The headers with which a browser lets the page read the answer; empty for other pages.
    func headers(for head: HTTPRequest) -> HTTPFields {
        guard !origins.isEmpty else { return [:] }
        // Caches must not give one page's answer to another.
        guard let origin = head.headerFields[.origin], origins.contains(origin) else { return [.vary: "origin"] }
        var headers: HTTPFields = [.vary: "origin"]
        headers[.accessControlAllowOrigin] = origin
        headers[.accessControlExposeHeaders] =
            "infenclave-request-id, infenclave-error, infenclave-route, retry-after"
        return headers
    }

    /// The answer to a preflight request, which browsers send before a request with a content type that forms do not
    /// have.
    ///
    /// - Returns: The headers of the answer, which ``headers(for:)`` completes; `nil` if the request is no preflight
    ///   request, its origin is not allowed, or its path or method is not for pages.
    func preflight(_ head: HTTPRequest, in models: ModelRegistry) -> HTTPFields? {
        guard head.method == .options, let origin = head.headerFields[.origin], origins.contains(origin),
            let method = head.headerFields[.accessControlRequestMethod].flatMap({ HTTPRequest.Method($0) })
        else { return nil }
        var asked = head
        asked.method = method
        switch Target(asked, for: .everybody, in: models)?.endpoint {
        case .evidence, .keyConfiguration, .sealedRequest, .live, .ready:
            var headers: HTTPFields = [:]
            headers[.accessControlAllowMethods] = method.rawValue
            headers[.accessControlAllowHeaders] = "content-type, infenclave-route"
            headers[.accessControlMaxAge] = "600"
            return headers
        case .provision, .metrics, nil: return nil
        }
    }

    /// Whether the text is the serialisation of an origin of the web (RFC 6454, section 6.2).
    private static func isOrigin(_ text: String) -> Bool {
        for (scheme, ownPort) in [("http://", "80"), ("https://", "443")] where text.hasPrefix(scheme) {
            let rest = text.dropFirst(scheme.count)
            let isIPv6 = rest.hasPrefix("[")
            let host = isIPv6 ? rest.prefix { $0 != "]" }.dropFirst() : rest.prefix { $0 != ":" }
            let tail = isIPv6 ? rest.drop { $0 != "]" }.dropFirst() : rest.drop { $0 != ":" }
            let isHost = !host.isEmpty && host.utf8.allSatisfy { isIPv6 ? isHex($0) || $0 == 0x3A : isLabel($0) }
            guard !tail.isEmpty else { return isHost && (!isIPv6 || rest.hasSuffix("]")) }
            let port = tail.dropFirst()
            let number = UInt16(port)
            return isHost && tail.hasPrefix(":") && port != ownPort
                && number.map { String($0) == port && $0 > 0 } ?? false
        }
        return false
    }

    private static func isHex(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
    }

    private static func isLabel(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte) || byte == 0x2D || byte == 0x2E
    }
}
