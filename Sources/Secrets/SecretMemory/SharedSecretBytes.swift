// SPDX-License-Identifier: Apache-2.0
/// ``SecretBytes`` with several owners, for values that collections and actors hold. Sharing copies a reference, never
/// the bytes; they are wiped when the last owner is released.
package final class SharedSecretBytes: Sendable {
    private let secret: SecretBytes

    package init(_ secret: consuming SecretBytes) { self.secret = secret }

    package var count: Int { secret.count }

    /// Lends the bytes to code that needs a pointer. The pointer must not outlive the call.
    package func withBytes<Result: ~Copyable, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try secret.withBytes(body)
    }

    /// Lends the bytes.
    package func withSpan<Result: ~Copyable, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try secret.withBytes { (bytes) throws(Failure) in try body(RawSpan(_unsafeBytes: bytes)) }
    }

    /// See ``SecretBytes/constantTimeEquals(_:)``.
    package func constantTimeEquals(_ other: SharedSecretBytes) -> Bool {
        other.withSpan { secret.constantTimeEquals($0) }
    }
}
