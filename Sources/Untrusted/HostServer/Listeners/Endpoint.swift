import HTTPTypes

/// What can be asked for. Paths are compared byte for byte: what a proxy in front forbids by its exact path must not be
/// reachable under another spelling (`//metrics`, `/metrics/`, `/%6detrics`). Of an absolute address, which HTTP makes
/// servers take, the path counts.
enum Endpoint: Sendable, Hashable {
    case evidence, keyConfiguration, provision, sealedRequest, live, ready, metrics

    /// In logs and metrics.
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

    /// Whom a listener is for.
    enum Audience: Sendable { case everybody, operators }

    /// - Returns: `nil` for what this listener does not have.
    init?(_ head: HTTPRequest, for audience: Audience) {
        guard let target = head.path else { return nil }
        let path = target.prefix { $0 != "?" }
        // HEAD is GET whose body is left out on its way.
        switch (audience, head.method == .head ? .get : head.method, path) {
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
