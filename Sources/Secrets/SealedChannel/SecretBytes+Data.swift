// SPDX-License-Identifier: Apache-2.0
package import FoundationEssentials
package import SecretMemory

extension SecretBytes {
    /// Moves plaintext out of a `Data` that swift-crypto just allocated for it, and wipes that.
    ///
    /// `data` must have no other owner, or the wipe would reach a fresh copy. swift-crypto has no call that decrypts
    /// into memory of ours, so for a moment the plaintext is in memory that is not locked.
    package init(taking data: inout Data) {
        self.init(count: data.count) { target in data.withUnsafeBytes { target.copyMemory(from: $0) } }
        data.withUnsafeMutableBytes { SecretBytes.wipe($0) }
    }
}
