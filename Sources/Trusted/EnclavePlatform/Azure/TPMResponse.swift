// SPDX-License-Identifier: Apache-2.0
import Glibc

/// A successful response of a TPM, read field by field. An invalid response is an error of the device, `EPROTO`.
struct TPMResponse {
    private static let withSessions = 0x8002
    private var rest: ArraySlice<UInt8>

    /// - Throws: ``KernelError``: `EAGAIN` if the TPM asks to repeat the command, `EIO` for its other errors.
    init(_ response: [UInt8]) throws(KernelError) {
        rest = response[...]
        let tag = try number(2)
        guard try number(4) == response.count else { throw KernelError(EPROTO) }
        switch try number(4) {
        case 0: break
        // TPM_RC_YIELDED, TPM_RC_TESTING, TPM_RC_RETRY.
        case 0x908, 0x90A, 0x922: throw KernelError(EAGAIN)
        default: throw KernelError(EIO)
        }
        if tag == Self.withSessions {
            let count = try number(4)
            rest = try take(count)
        }
    }

    mutating func take(_ count: Int) throws(KernelError) -> ArraySlice<UInt8> {
        guard count <= rest.count else { throw KernelError(EPROTO) }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }

    mutating func number(_ count: Int) throws(KernelError) -> Int {
        try take(count).reduce(0) { $0 << 8 | Int($1) }
    }

    mutating func sized() throws(KernelError) -> [UInt8] { Array(try take(number(2))) }

    /// A reader for the content of a byte string.
    mutating func inner() throws(KernelError) -> TPMResponse { TPMResponse(rest: try sized()[...]) }

    private init(rest: ArraySlice<UInt8>) { self.rest = rest }
}
