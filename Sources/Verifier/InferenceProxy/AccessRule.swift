// SPDX-License-Identifier: Apache-2.0
package import OpenInference

/// Decides who may use the proxy.
package struct AccessRule: Sendable {
    private let key: APIKey?

    /// - Parameter key: `nil` for a proxy that only this machine can reach.
    package init(key: APIKey?) { self.key = key }

    /// Without a key, programs of this machine have access, and web pages of other origins have none. A browser would
    /// send the requests of such a page here, and the page's own host name may resolve to this address (DNS rebinding).
    ///
    /// - Parameters:
    ///   - host: The header `host`, with or without port.
    ///   - origin: The header `origin`, which browsers send.
    /// - Throws: ``OpenInferenceError`` `.unauthenticated`, `.permissionDenied`.
    package func check(
        authorization: String?, host: String?, origin: String?
    ) throws(OpenInferenceError) {
        if let key {
            guard key.admits(authorization) else {
                throw OpenInferenceError(.unauthenticated, "this proxy asks for a key: send Authorization: Bearer KEY")
            }
            return
        }
        guard let host, ProxyAddress.isLoopback(Self.name(host)) else {
            throw OpenInferenceError(
                .permissionDenied, "this proxy answers to addresses of this machine, such as 127.0.0.1 and localhost")
        }
        if let origin, origin.lowercased() != "http://\(host.lowercased())" {
            throw OpenInferenceError(.permissionDenied, "pages of '\(origin.beginning(100))' may not ask this proxy")
        }
    }

    private static func name(_ host: String) -> String {
        if host.hasPrefix("[") { return String(host.dropFirst().prefix { $0 != "]" }) }
        return String(host.prefix { $0 != ":" })
    }
}
