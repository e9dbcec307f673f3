import HTTPTypes

/// What a listener takes in of a request, told from its headers alone.
struct Intake: Sendable {
    /// Whose memory a body takes.
    enum Budget: Sendable, Hashable { case requests, provisioning }

    /// A body that may come.
    struct Allowance: Sendable {
        /// Bytes.
        let limit: Int
        /// `nil` where no body may come.
        let budget: Budget?
        /// Announced bytes; `nil` for a chunked body.
        let announced: Int?
        /// How a longer one is refused.
        let excess: Refusal
    }

    enum Verdict: Sendable {
        case accepted(Allowance)
        case refused(Refusal)
    }

    let audience: Endpoint.Audience
    let limits: ServerLimits

    func verdict(on head: HTTPRequest) -> Verdict {
        let endpoint = Endpoint(head, for: audience)
        let (limit, budget): (Int, Budget?) =
            switch endpoint {
            case .sealedRequest: (limits.requestBytes, .requests)
            case .provision: (limits.provisioningBytes, .provisioning)
            default: (0, nil)
            }
        if endpoint == .sealedRequest, head.headerFields[.contentType] != "message/ohttp-req" {
            return .refused(.unsupportedMediaType)
        }
        let excess: Refusal = endpoint == nil ? .notFound : .tooLarge(limit)
        var announced: Int?
        if let text = head.headerFields[.contentLength] {
            guard let bytes = Int(text), bytes <= limit else { return .refused(excess) }
            announced = bytes
        }
        return .accepted(Allowance(limit: limit, budget: budget, announced: announced, excess: excess))
    }
}
