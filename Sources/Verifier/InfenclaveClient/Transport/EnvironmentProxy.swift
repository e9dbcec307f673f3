// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The proxy that libcurl uses for an address because of the environment, so that an error can name it.
package struct EnvironmentProxy: Sendable, Hashable {
    package let variable: String
    /// The proxy's address, without a user's name and password.
    package let address: String

    /// `nil` where the server is asked directly, or where that is not certain.
    ///
    /// - Source: libcurl's manual, `CURLOPT_PROXY`, `CURLOPT_NOPROXY`.
    package init?(for url: String, in environment: [String: String]) {
        guard let parts = URLComponents(string: url), let scheme = parts.scheme?.lowercased(), let host = parts.host,
            Self.isProxied(host.lowercased(), environment["no_proxy"] ?? environment["NO_PROXY"] ?? "")
        else { return nil }
        // HTTP_PROXY in capitals is not read: CGI servers set it from a request's header `Proxy`.
        let names = ["\(scheme)_proxy"] + (scheme == "http" ? [] : ["\(scheme.uppercased())_PROXY"])
        guard let name = (names + ["all_proxy", "ALL_PROXY"]).first(where: { environment[$0]?.isEmpty == false }),
            let value = environment[name]
        else { return nil }
        variable = name
        address =
            value.lastIndex(of: "@").map { end in
                let start = value.range(of: "://")?.upperBound ?? value.startIndex
                return String(value[..<start] + value[value.index(after: end)...])
            } ?? value
    }

    /// A name matches itself and its subdomains. Ranges of addresses are not evaluated: if the list has one, it may
    /// include the host.
    private static func isProxied(_ host: String, _ exceptions: String) -> Bool {
        let host = host.trimmingCharacters(in: ["[", "]", "."])
        return exceptions.lowercased().split(whereSeparator: { ", \t".contains($0) }).allSatisfy { entry in
            let name = entry.trimmingCharacters(in: ["[", "]", "."])
            return entry != "*" && !entry.contains("/") && host != name && !host.hasSuffix("." + name)
        }
    }
}
