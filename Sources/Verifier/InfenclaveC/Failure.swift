// SPDX-License-Identifier: Apache-2.0
import Attestation
import CInfenclave
import FoundationEssentials
import SealedChannel
import Tensors

/// Why a function failed, with the codes of the client library's errors.
struct Failure: Error, Encodable {
    let code: String
    let message: String
    let remedy: String
    let refusal: String?
    let verdict: VerdictDescription?

    private enum CodingKeys: CodingKey { case code, message, remedy, refusal, verdict }

    init(
        _ code: String, _ message: String, remedy: String = "", refusal: String? = nil,
        verdict: VerdictDescription? = nil
    ) {
        self.code = code
        self.message = message
        self.remedy = remedy
        self.refusal = refusal
        self.verdict = verdict
    }

    init(_ error: AttestationError) {
        switch error.code {
        case .rejected:
            self.init(
                "attestationRejected", error.message,
                remedy: "send nothing to this server until the policy and the evidence agree",
                verdict: error.verdict.map(VerdictDescription.init))
        case .invalidPolicy: self.init("invalidConfiguration", error.message)
        default: self.init("invalidInput", error.message)
        }
    }

    /// Every member is written, so that a reader finds all of them.
    func encode(to encoder: any Encoder) throws {
        var members = encoder.container(keyedBy: CodingKeys.self)
        try members.encode(code, forKey: .code)
        try members.encode(message, forKey: .message)
        try members.encode(remedy, forKey: .remedy)
        try members.encode(refusal, forKey: .refusal)
        try members.encode(verdict, forKey: .verdict)
    }
}

/// Runs the body of a C function.
///
/// - Returns: `INFENCLAVE_OK`, or `INFENCLAVE_FAILED` after writing the failure.
func answer(
    _ failure: UnsafeMutablePointer<infenclave_buffer>, _ body: () throws -> Void
) -> Int32 {
    do {
        try body()
        return INFENCLAVE_OK
    } catch {
        let found: Failure =
            switch error {
            case let error as Failure: error
            case let error as AttestationError: Failure(error)
            case let error as SealedChannelError: Failure("invalidResponse", error.message)
            case let error as TensorError: Failure("invalidInput", error.message)
            default: Failure("invalidResponse", "the exchange failed")
            }
        failure.set(jsonBytes(found))
        return INFENCLAVE_FAILED
    }
}

/// JSON with sorted keys. Encoding cannot fail, because the values have no infinity and no NaN.
func jsonBytes(_ value: some Encodable) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let data = try? encoder.encode(value) else {
        return Array(#"{"code":"invalidResponse","message":"no JSON","refusal":null,"remedy":"","verdict":null}"#.utf8)
    }
    return Array(data)
}
