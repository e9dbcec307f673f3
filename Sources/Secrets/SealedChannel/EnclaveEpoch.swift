// SPDX-License-Identifier: Apache-2.0
internal import Hexadecimal

/// Identifies one run of an enclave: 16 random bytes, generated at its start. Evidence and provisioning messages are
/// bound to it, so that a message for one run is not valid in another.
package struct EnclaveEpoch: Sendable, Hashable, CustomStringConvertible {
    /// Bytes of an epoch.
    package static let byteCount = 16

    /// Exactly ``byteCount`` bytes.
    package let bytes: [UInt8]

    /// `nil` unless there are ``byteCount`` bytes.
    package init?(bytes: [UInt8]) {
        guard bytes.count == Self.byteCount else { return nil }
        self.bytes = bytes
    }

    /// A fresh one.
    package static func random() -> EnclaveEpoch {
        var generator = SystemRandomNumberGenerator()
        return EnclaveEpoch(unchecked: (0..<byteCount).map { _ in generator.next() })
    }

    private init(unchecked bytes: [UInt8]) { self.bytes = bytes }

    /// 32 lower-case hex digits.
    package var description: String { bytes.hex }
}
