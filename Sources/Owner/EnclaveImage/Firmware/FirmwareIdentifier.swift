// SPDX-License-Identifier: Apache-2.0
import Evidence

/// A GUID as firmware stores it: the first three groups little-endian.
struct FirmwareIdentifier: Sendable, Hashable {
    let bytes: [UInt8]

    init(bytes: [UInt8]) { self.bytes = bytes }

    /// - Parameter text: The canonical form; a compile-time constant.
    init(_ text: StaticString) {
        guard let plain = [UInt8](hex: "\(text)".filter { $0 != "-" }), plain.count == 16 else {
            preconditionFailure("\(text) is no GUID")
        }
        bytes = plain[0..<4].reversed() + plain[4..<6].reversed() + plain[6..<8].reversed() + plain[8...]
    }
}
