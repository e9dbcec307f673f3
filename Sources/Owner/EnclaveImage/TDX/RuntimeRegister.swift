// SPDX-License-Identifier: Apache-2.0
import Crypto
import Evidence

/// An extend-only register: its new value is the SHA-384 of the old one and a digest.
struct RuntimeRegister: Sendable, Hashable {
    private(set) var value = [UInt8].zeros(48)

    mutating func extend(_ digest: [UInt8]) { value = Array(SHA384.hash(data: value + digest)) }
}
