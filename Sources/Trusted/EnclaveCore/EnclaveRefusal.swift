// SPDX-License-Identifier: Apache-2.0
import Wire

/// Why a message of the host gets no answer. Only the code leaves.
struct EnclaveRefusal: Error {
    let code: EnclaveErrorCode

    init(_ code: EnclaveErrorCode) { self.code = code }
}

/// The enclave could not make its keys.
package struct EnclaveStartError: Error, Sendable {}
