// SPDX-License-Identifier: Apache-2.0
import HTTPTypes
import HostCore

/// The endpoints of the server. Paths are compared byte for byte: a path that a reverse proxy blocks must not be
/// reachable under another spelling (`//metrics`, `/metrics/`, `/%6detrics`). In an absolute address, which HTTP
/// servers must accept, only the path is used.
enum Endpoint: Sendable, Hashable {
    case evidence, keyConfiguration, provision, sealedRequest, live, ready, metrics

    /// The name in logs and metrics.
    var label: String {
        switch self {
        case .evidence: "evidence"
        case .keyConfiguration: "ohttp-keys"
        case .provision: "provision"
        case .sealedRequest: "ohttp"
        case .live: "live"
        case .ready: "ready"
        case .metrics: "metrics"
        }
    }

    /// The audience of a listener.
    enum Audience: Sendable { case everybody, operators }

    /// - Parameter path: Without a model.
    /// - Returns: `nil` for what this listener does not have.
    fileprivate init?(_ method: HTTPRequest.Method, _ path: Substring, for audience: Audience) {
        // HEAD is GET whose body is left out on its way.
        switch (audience, method == .head ? .get : method, path) {
        case (_, .get, "/health/live"): self = .live
        case (_, .get, "/health/ready"): self = .ready
        case (.operators, .get, "/metrics"): self = .metrics
        case (.everybody, .get, "/.well-known/infenclave/evidence"): self = .evidence
        case (.everybody, .get, "/ohttp-keys"): self = .keyConfiguration
        case (.everybody, .post, "/provision"): self = .provision
        case (.everybody, .post, "/ohttp"): self = .sealedRequest
        default: return nil
        }
    }
}

/// The endpoint and the model of a request.
struct Target: Sendable {
    let endpoint: Endpoint
    /// `nil` for endpoints of the whole server: health and metrics.
    let model: ServedModel?

    /// The prefix of the paths of one model, before its name.
    private static let modelPrefix = "/models/"

    /// - Returns: `nil` for what this listener does not have.
    init?(_ head: HTTPRequest, for audience: Endpoint.Audience, in registry: ModelRegistry) {
        guard let target = head.path else { return nil }
        var path = target.prefix { $0 != "?" }
        var name: String?
        if path.hasPrefix(Self.modelPrefix) {
            path = path.dropFirst(Self.modelPrefix.count)
            name = String(path.prefix { $0 != "/" })
            path = path.drop { $0 != "/" }
        }
        guard let endpoint = Endpoint(head.method, path, for: audience) else { return nil }
        self.endpoint = endpoint
        switch endpoint {
        case .live, .metrics:
            guard name == nil else { return nil }
            model = nil
        case .ready:
            model = name.flatMap { registry[$0] }
            guard name == nil || model != nil else { return nil }
        case .evidence, .keyConfiguration, .provision, .sealedRequest:
            guard let found = registry[name] else { return nil }
            model = found
        }
    }
}
