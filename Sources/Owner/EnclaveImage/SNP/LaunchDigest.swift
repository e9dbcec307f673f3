// SPDX-License-Identifier: Apache-2.0
import Crypto

/// The digest that AMD's firmware extends with each page of a guest before it starts.
///
/// - Source: AMD 56860, SEV-SNP Firmware ABI, section 8.17, SNP_LAUNCH_UPDATE (PAGE_INFO).
struct LaunchDigest: Sendable {
    enum Page: UInt8, Sendable {
        case normal = 1
        /// The save area of a processor.
        case processor = 2
        case zero = 3
        case secrets = 5
        case cpuid = 6
    }

    private(set) var value: [UInt8]

    init(_ value: [UInt8] = .zeros(48)) { self.value = value }

    /// - Parameter contents: SHA-384 of the page, or zeros for page types whose content is not measured.
    mutating func add(_ page: Page, at address: UInt64, _ contents: [UInt8] = .zeros(48)) {
        // The length of the structure, the page type, no initial migration image, no permissions for other privilege
        // levels.
        let tail: [UInt8] = .littleEndian(UInt16(0x70)) + [page.rawValue, 0, 0, 0, 0, 0] + .littleEndian(address)
        value = Array(SHA384.hash(data: value + contents + tail))
    }
}
