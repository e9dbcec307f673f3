// SPDX-License-Identifier: Apache-2.0
import HTTPTypes
import HostCore

/// What a listener accepts of a request, decided from its headers alone.
struct Intake: Sendable {
    /// The budget that a body is charged to.
    enum Budget: Sendable, Hashable { case requests, provisioning }

    /// An acceptable body.
    struct Allowance: Sendable {
        /// `nil` for an unknown path.
        let endpoint: Endpoint?
        /// `nil` for endpoints without a model.
        let model: String?
        /// Bytes.
        let limit: Int
        /// `nil` if no body is allowed.
        let budget: Budget?
        /// Announced bytes; `nil` for a chunked body.
        let announced: Int?
        /// The refusal of a longer body.
        let excess: Refusal
        /// The client sends its body only after `100 Continue`.
        let awaitsContinue: Bool
        /// The refusal for lack of room, sent after the body was read and dropped; `nil` if there is room.
        let refusal: Refusal?
    }

    enum Verdict: Sendable {
        case accepted(Allowance)
        case refused(Refusal)
    }

    let audience: Endpoint.Audience
    let limits: ServerLimits
    let models: ModelRegistry
    /// The origins whose pages may read the answers.
    var origins = AllowedOrigins.none

    func verdict(on head: HTTPRequest) -> Verdict {
        let target = Target(head, for: audience, in: models)
        let endpoint = target?.endpoint
        let (limit, budget): (Int, Budget?) =
            switch endpoint {
            case .sealedRequest: (min(limits.requestBytes, target?.model?.requestBytes ?? 0), .requests)
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
        let expectation = head.headerFields[.expect]?.lowercased()
        guard expectation == nil || expectation == "100-continue" else { return .refused(.expectationFailed) }
        return .accepted(
            Allowance(
                endpoint: endpoint, model: target?.model?.name, limit: limit, budget: budget, announced: announced,
                excess: excess,
                awaitsContinue: expectation != nil && limit > 0 && announced != 0,
                refusal: endpoint == .sealedRequest ? target?.model?.overload.map { Refusal($0) } : nil))
    }
}
