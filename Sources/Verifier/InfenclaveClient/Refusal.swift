// SPDX-License-Identifier: Apache-2.0
import StrictJSON

/// The code with which a server or an enclave refuses. The set is open: a newer server may have more.
public struct Refusal: RawRepresentable, Sendable, Hashable, ExpressibleByStringLiteral, CustomStringConvertible {
    /// The code's name, such as `leaseEnded`.
    public let rawValue: String
    /// A refusal by its code, including codes that this version does not know.
    public init(rawValue: String) { self.rawValue = rawValue }
    /// A refusal by its code.
    public init(stringLiteral value: String) { rawValue = value }
    /// The code's name.
    public var description: String { rawValue }

    // By the enclave, under seal or in its evidence.

    /// The owner has not provisioned the enclave since it was started.
    public static let notProvisioned: Refusal = "notProvisioned"
    /// The owner's lease has ended; the owner may provision again.
    public static let leaseEnded: Refusal = "leaseEnded"
    /// The owner did not list this access token.
    public static let unknownToken: Refusal = "unknownToken"
    /// This client has used up its requests of the lease.
    public static let overLimit: Refusal = "overLimit"
    /// This client sends more a minute than the owner allows.
    public static let tooManyRequests: Refusal = "tooManyRequests"
    /// The model takes tensors of another type.
    public static let wrongTensorType: Refusal = "wrongTensorType"
    /// The enclave has received this message before.
    public static let replayedRequest: Refusal = "replayedRequest"
    /// The part outside the enclave failed.
    public static let outsideFailed: Refusal = "outsideFailed"

    // By the host, which is not trusted.

    /// The message is sealed to a key that the enclave does not have.
    public static let unknownKey: Refusal = "unknownKey"
    /// The message does not open with the key that it names.
    public static let undecipherable: Refusal = "undecipherable"
    /// The message is for another run of the enclave.
    public static let wrongEpoch: Refusal = "wrongEpoch"
    /// Too many requests of all clients together.
    public static let overloaded: Refusal = "overloaded"
    /// The enclave's process is not running, or does not answer.
    public static let enclaveUnavailable: Refusal = "enclaveUnavailable"
    /// The enclave's platform cannot provide evidence at the moment.
    public static let evidenceUnavailable: Refusal = "evidenceUnavailable"
    /// The owner's message has a sequence number that is too low.
    public static let staleSequence: Refusal = "staleSequence"
}

/// A refusal by the host, `{"error":{"code","message","remedy"}}`. The host is not trusted: its text is shown, and
/// security does not depend on it.
struct HostRefusal {
    private struct Body: Decodable {
        struct Error: Decodable { let code, message, remedy: String }
        let error: Error
    }

    static func check(_ response: TransportResponse) throws(ClientError) {
        guard response.status != 200 else { return }
        guard let refusal = try? Body(strictlyDecoding: response.body, name: "the refusal").error else {
            // The answer of a balancer or proxy without a usable server. With 503 it has not forwarded the request.
            guard ![502, 503, 504].contains(response.status) else {
                throw ClientError(
                    .unreachable,
                    "a proxy in front of the server answered with HTTP status \(response.status): the server is gone, or does not answer",
                    remedy: "try again; the answer to this request is lost", isRetryable: response.status == 503)
            }
            throw ClientError(
                .invalidResponse, "the server answered with HTTP status \(response.status)",
                remedy: "check that the address is that of `infenclave serve`")
        }
        let word = Refusal(rawValue: String(refusal.code.prefix(64)))
        throw ClientError(
            .refused, "the server refused: \(refusal.message.prefix(300))", remedy: String(refusal.remedy.prefix(300)),
            refusal: word, isRetryable: [.overloaded, .enclaveUnavailable, .evidenceUnavailable].contains(word),
            retryAfter: response.headers["retry-after"].flatMap { UInt16($0) }.map { .seconds(Int($0)) })
    }
}
