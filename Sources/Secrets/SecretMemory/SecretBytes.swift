// SPDX-License-Identifier: Apache-2.0
internal import CSecretMemory

/// Secret bytes with one owner. They are allocated once, never grow, are accessible only while borrowed, and are wiped
/// (in whole pages) when the owner is released.
///
/// Not `Copyable`, `Codable`, `Hashable` or printable. One thing is beyond Swift's control: a value that borrowing code
/// loads into a register or spills to the stack is not wiped.
///
/// - Note: `@unchecked Sendable` because the bytes are written only inside the initialiser.
package struct SecretBytes: ~Copyable, @unchecked Sendable {
    private let region: SecretRegion
    package let count: Int

    /// Bytes that `initialize` writes. They are zero before it; when it throws, they are wiped.
    package init<Failure: Error>(
        count: Int, pages: SecretPages = .system,
        initializing initialize: (UnsafeMutableRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        precondition(count >= 0, "a negative number of bytes")
        let region = SecretRegion(byteCount: count, pages: pages)
        do throws(Failure) {
            try initialize(UnsafeMutableRawBufferPointer(start: region.base, count: count))
        } catch {
            region.release()
            throw error
        }
        self.region = region
        self.count = count
    }

    /// A copy of `bytes`.
    package init(copying bytes: RawSpan, pages: SecretPages = .system) {
        self.init(count: bytes.byteCount, pages: pages) { target in
            bytes.withUnsafeBytes { target.copyMemory(from: $0) }
        }
    }

    /// Fresh bytes from the kernel's generator, which blocks until it is seeded.
    package static func random(_ count: Int) -> SecretBytes {
        SecretBytes(count: count) { Randomness.system.fill($0) }
    }

    deinit { region.release() }

    /// Overwrites memory that another library filled with a secret, before it is released.
    package static func wipe(_ bytes: UnsafeMutableRawBufferPointer) {
        if let base = bytes.baseAddress { csecret_wipe(base, bytes.count) }
    }

    /// The bytes, for as long as this value is borrowed.
    package var bytes: RawSpan {
        @_lifetime(borrow self)
        borrowing get {
            let span = RawSpan(_unsafeStart: UnsafeRawPointer(region.base), byteCount: count)
            return _overrideLifetime(span, borrowing: self)
        }
    }

    /// Lends the bytes to code that needs a pointer. The pointer must not outlive the call.
    package borrowing func withBytes<Result: ~Copyable, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(UnsafeRawBufferPointer(start: region.base, count: count))
    }

    /// Whether `other` holds the same bytes. Reads all of both when the lengths agree; a length is not a secret.
    package borrowing func constantTimeEquals(_ other: RawSpan) -> Bool {
        guard other.byteCount == count else { return false }
        return other.withUnsafeBytes { csecret_differ(region.base, $0.baseAddress, count) == 0 }
    }
}
