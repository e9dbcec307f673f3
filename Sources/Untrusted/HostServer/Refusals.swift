import Foundation
import HTTPTypes
import HostCore
import Hummingbird
import NIOCore
import Wire

extension Routes {
    var tooLarge: Response {
        refusal(
            .contentTooLarge, "malformed", "the body is over \(Self.maximumMessageBytes) bytes or broke off",
            remedy: "send a smaller picture")
    }

    /// A refusal as JSON: `{"error":{"code","message","remedy"}}`.
    func refusal(_ status: HTTPResponse.Status, _ code: String, _ message: String, remedy: String = "") -> Response {
        struct Body: Encodable {
            struct Error: Encodable { let code, message, remedy: String }
            let error: Error
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let json = try? encoder.encode(Body(error: .init(code: code, message: message, remedy: remedy)))
        return Response(
            status: status, headers: [.contentType: "application/json", .cacheControl: "no-store"],
            body: .init(byteBuffer: ByteBuffer(bytes: json ?? Data())))
    }

    func refusal(for error: HostError) -> Response {
        if let code = error.enclaveCode {
            let (status, remedy) = Self.meaning(of: code)
            return refusal(status, code.name, error.message, remedy: remedy)
        }
        let status: HTTPResponse.Status =
            error.code == .protocolViolation || error.code == .unusableBundle
            ? .internalServerError : .serviceUnavailable
        return refusal(status, error.code.name, error.message, remedy: "try again in a moment")
    }

    /// How a refusal by the enclave looks in HTTP, and what its receiver can do.
    private static func meaning(of code: EnclaveErrorCode) -> (HTTPResponse.Status, String) {
        switch code {
        case .notProvisioned, .bundleMissing:
            (.serviceUnavailable, "the owner runs `infenclave provision` after every start of the enclave")
        case .overloaded, .evidenceUnavailable: (.serviceUnavailable, "try again in a moment")
        case .unknownKey: (.badRequest, "fetch fresh evidence: the enclave has new keys")
        case .replayed: (.badRequest, "seal every request anew")
        case .ownerUnauthorized: (.forbidden, "provision with the owner key that signed the bundle")
        case .wrongEpoch: (.conflict, "the enclave was restarted: attest it again")
        case .wrongManifest: (.conflict, "provision with the key of the bundle that is served")
        case .alreadyProvisioned: (.conflict, "restart the server to provision other tokens or limits")
        case .frontNetRefused, .mappingUnitRefused: (.conflict, "the model key does not open this bundle's parts")
        case .internalFault: (.internalServerError, "")
        default: (.badRequest, "")
        }
    }
}
