// SPDX-License-Identifier: Apache-2.0
import SealedChannel

/// A provisioning message, encrypted to one run of an enclave.
package struct ProvisioningCiphertext: Sendable {
    package let bytes: [UInt8]
    /// Opens the enclave's answer; `nil` for a message that another process encrypted.
    let opener: ResponseOpener?
    /// Whether the enclave has to answer with the counts of an audit.
    let demandsAudit: Bool

    init(bytes: [UInt8], opener: ResponseOpener?, demandsAudit: Bool) {
        (self.bytes, self.opener, self.demandsAudit) = (bytes, opener, demandsAudit)
    }

    /// A message that was stored in a file. Its answer cannot be opened.
    package init(kept bytes: [UInt8]) { self.init(bytes: bytes, opener: nil, demandsAudit: false) }
}
