import HTTPTypes

/// What can be asked for. Paths are compared byte for byte: what a proxy in front forbids by its exact path must not be
/// reachable under another spelling (`//metrics`, `/metrics/`, `/%6detrics`). Of an absolute address, which HTTP makes
/// servers take, the path counts.
enum Endpoint: Sendable, Hashable {
    case evidence, keyConfiguration, provision, sealedRequest, live, ready, metrics

    /// Whom a listener is for.
    enum Audience: Sendable { case everybody, operators }

    /// - Returns: `nil` for what this listener does not have.
    init?(_ head: HTTPRequest, for audience: Audience) {
        guard let target = head.path else { return nil }
        let path = target.prefix { $0 != "?" }
        switch (audience, head.method, path) {
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
