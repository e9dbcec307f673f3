// SPDX-License-Identifier: Apache-2.0
internal import CSecretMemory

/// The source of random bytes. It is a parameter, so that a test can count its calls.
package struct Randomness: Sendable {
    package let fill: @Sendable (UnsafeMutableRawBufferPointer) -> Void

    package init(_ fill: @escaping @Sendable (UnsafeMutableRawBufferPointer) -> Void) { self.fill = fill }

    /// The kernel's generator, which blocks until it is seeded.
    package static let system = Randomness { target in
        let code = csecret_random(target.baseAddress, target.count)
        precondition(code == 0, "the kernel's random generator failed with error \(code)")
    }

    /// Bytes that are not secret, such as a nonce, in one call. (`SystemRandomNumberGenerator` calls the kernel for
    /// every number.)
    package func nonce(_ count: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            fill(UnsafeMutableRawBufferPointer(start: buffer.baseAddress, count: count))
            initialized = count
        }
    }
}
