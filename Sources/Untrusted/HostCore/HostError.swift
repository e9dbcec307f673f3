// SPDX-License-Identifier: Apache-2.0
package import Wire

/// Why a call of the host failed.
package struct HostError: Error, Sendable, CustomStringConvertible {
    package struct Code: Sendable, Hashable {
        package let name: String
        private init(_ name: String) { self.name = name }

        /// The enclave executable could not be started, or ended before it was ready.
        package static let enclaveUnavailable = Code("enclaveUnavailable")
        /// The enclave refused with a code of its own.
        package static let refusedByEnclave = Code("refusedByEnclave")
        /// No engine runs the layers outside the enclave.
        package static let backNetUnavailable = Code("backNetUnavailable")
        /// More requests wait than the host admits.
        package static let overloaded = Code("overloaded")
        /// The enclave's answer violates the protocol.
        package static let protocolViolation = Code("protocolViolation")
        /// The caller abandoned the request.
        package static let cancelled = Code("cancelled")
        /// The request was not answered before its deadline.
        package static let deadlineExceeded = Code("deadlineExceeded")
        /// The machine does not have the resources that serving needs.
        package static let resourceExhausted = Code("resourceExhausted")
        /// A file of the bundle was changed or removed while it was served.
        package static let bundleUnreadable = Code("bundleUnreadable")
        /// The bundle does not fit this build.
        package static let unusableBundle = Code("unusableBundle")
    }

    package let code: Code
    package let message: String
    /// The enclave's code, if it refused.
    package let enclaveCode: EnclaveErrorCode?

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
        self.enclaveCode = nil
    }

    /// A refusal by the enclave.
    package init(refused code: EnclaveErrorCode) {
        self.code = .refusedByEnclave
        self.message = "the enclave refused: \(code.name)"
        self.enclaveCode = code
    }

    static let deadlineExceeded = HostError(
        .deadlineExceeded, "the request was not answered before its deadline; try again later")

    package var description: String { message }
}
