// SPDX-License-Identifier: Apache-2.0
import Foundation
import HTTPTypes
import HostCore
import Hummingbird
import NIOCore
import Wire

/// A refusal as JSON: `{"error":{"code","message","remedy"}}`.
struct Refusal: Error, Sendable {
    let status: HTTPResponse.Status
    let code: String
    let message: String
    let remedy: String
    /// For a refusal because of load: the number of seconds after which to try again.
    let retryAfterSeconds: Int?

    init(
        _ status: HTTPResponse.Status, _ code: String, _ message: String, remedy: String = "",
        retryAfterSeconds: Int? = nil
    ) {
        self.status = status
        self.code = code
        self.message = message
        self.remedy = remedy
        self.retryAfterSeconds = retryAfterSeconds
    }

    /// An unknown path or method: a status without a body.
    static let notFound = Refusal(.notFound, "", "")
    static let tooSlow = Refusal(
        .requestTimeout, "timeout", "the request did not arrive in time", remedy: "send it again over a faster link")
    static let unsupportedMediaType = Refusal(
        .unsupportedMediaType, "malformed", "expected the content type message/ohttp-req",
        remedy: "encrypt requests as RFC 9458 says, or use the infenclave client")
    static let expectationFailed = Refusal(
        .expectationFailed, "malformed", "the only supported expectation is 100-continue",
        remedy: "leave the header `expect` out")
    static let headersTooLarge = Refusal(
        .requestHeaderFieldsTooLarge, "malformed", "the headers are over 16 KiB, or more than 100",
        remedy: "send fewer or shorter headers")
    static let malformed = Refusal(
        .badRequest, "malformed", "this is no HTTP/1.1 request", remedy: "speak HTTP/1.1 without TLS here")
    static let brokenOff = Refusal(.badRequest, "malformed", "the body broke off", remedy: "send the request again")
    static let noRoom = overloaded("no memory is left for another body", retryAfterSeconds: 2)

    static func tooLarge(_ limit: Int) -> Refusal {
        Refusal(
            .contentTooLarge, "malformed", "the body is over \(limit) bytes",
            remedy: "send a picture as the model takes it")
    }

    static func overloaded(_ message: String, retryAfterSeconds: Int = 1) -> Refusal {
        Refusal(
            .serviceUnavailable, "overloaded", message, remedy: "try again in a moment",
            retryAfterSeconds: retryAfterSeconds)
    }

    /// - Parameter retryAfterSeconds: The seconds after which to try again if the enclave does not run; `nil` if
    ///   unknown.
    init(_ error: HostError, retryAfterSeconds: Int? = nil) {
        if let code = error.enclaveCode {
            let (status, remedy) = Self.meaning(of: code)
            self.init(
                status, code.name, error.message, remedy: remedy, retryAfterSeconds: code == .overloaded ? 1 : nil)
        } else if error.code == .overloaded {
            self = .overloaded(error.message)
        } else {
            self.init(
                error.code == .protocolViolation || error.code == .unusableBundle
                    ? .internalServerError : .serviceUnavailable,
                error.code.name, error.message, remedy: "try again in a moment",
                retryAfterSeconds: error.code == .enclaveUnavailable
                    ? retryAfterSeconds ?? 5
                    : error.code == .backNetUnavailable || error.code == .deadlineExceeded ? 5 : nil)
        }
    }

    /// The response head without `content-length`.
    var headers: HTTPFields {
        var headers: HTTPFields = [.cacheControl: "no-store"]
        if !code.isEmpty {
            headers[.contentType] = "application/json"
            headers[.errorCode] = code
        }
        if let retryAfterSeconds { headers[.retryAfter] = String(retryAfterSeconds) }
        return headers
    }

    /// The head of an answer that is written without the HTTP framework.
    var content: (headers: HTTPFields, body: ByteBuffer) {
        let body = body
        var headers = headers
        headers[.contentLength] = String(body.readableBytes)
        return (headers, body)
    }

    /// Empty if there is no code.
    var body: ByteBuffer {
        struct Body: Encodable {
            struct Error: Encodable { let code, message, remedy: String }
            let error: Error
        }
        guard !code.isEmpty else { return ByteBuffer() }
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let json = try? encoder.encode(Body(error: .init(code: code, message: message, remedy: remedy)))
        return ByteBuffer(bytes: json ?? Data())
    }

    var response: Response { Response(status: status, headers: headers, body: .init(byteBuffer: body)) }

    /// The HTTP status of a refusal by the enclave, and the remedy for its receiver.
    private static func meaning(of code: EnclaveErrorCode) -> (HTTPResponse.Status, String) {
        switch code {
        case .notProvisioned, .bundleMissing:
            (.serviceUnavailable, "the owner runs `infenclave provision` after every start of the enclave")
        case .overloaded, .evidenceUnavailable: (.serviceUnavailable, "try again in a moment")
        case .unknownKey: (.badRequest, "fetch fresh evidence: the enclave has new keys")
        case .unsupportedVersion: (.badRequest, "use the version of infenclave that the server runs")
        case .replayed: (.badRequest, "seal every request anew")
        case .ownerUnauthorized: (.forbidden, "provision with the owner key that signed the bundle")
        case .wrongEpoch: (.conflict, "the enclave was restarted: attest it again")
        case .wrongManifest: (.conflict, "provision with the key of the bundle that is served")
        case .staleSequence: (.conflict, "provision with a higher sequence number: another message came before")
        case .factsMismatch: (.conflict, "the parts do not do what the signed manifest says: make the bundle again")
        case .frontNetRefused, .mappingUnitRefused: (.conflict, "the model key does not open this bundle's parts")
        case .internalFault: (.internalServerError, "")
        default: (.badRequest, "")
        }
    }
}
