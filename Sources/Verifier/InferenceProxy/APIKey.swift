// SPDX-License-Identifier: Apache-2.0
import SecretMemory

/// The key that clients send to a proxy that other machines can reach: `Authorization: Bearer KEY`.
package final class APIKey: Sendable {
    /// Shorter keys can be guessed.
    private static let lengths = 16...4096

    private let secret: SecretBytes

    /// Reads a file that only its owner may read: the key in one line.
    ///
    /// - Throws: ``ProxyError``.
    package init(contentsOf path: String) throws(ProxyError) {
        let file: SecretBytes
        do throws(SecretMemoryError) {
            file = try SecretFile.read(path, maximumBytes: Self.lengths.upperBound + 2)
        } catch { throw ProxyError(error.message) }
        let count = file.withBytes { bytes in
            bytes.count - (bytes.last == UInt8(ascii: "\n") ? 1 : 0)
        }
        let isUsable = file.withBytes { bytes in
            Self.lengths.contains(count) && bytes.prefix(count).allSatisfy { (0x21...0x7E).contains($0) }
        }
        guard isUsable else {
            throw ProxyError(
                "\(path) is no API key: expected one line of 16 to 4096 visible characters",
                remedy: "write one with: (umask 077; openssl rand -base64 32 > \(path))")
        }
        secret = SecretBytes(copying: file.bytes.extracting(0..<count))
    }

    /// - Parameter authorization: The header's value.
    package func admits(_ authorization: String?) -> Bool {
        guard let authorization, authorization.lowercased().hasPrefix("bearer ") else { return false }
        let shown = Array(authorization.utf8.dropFirst("bearer ".utf8.count))
        return secret.constantTimeEquals(shown.span.bytes)
    }
}

/// The proxy cannot run with these arguments.
package struct ProxyError: Error, Sendable, CustomStringConvertible {
    package let message: String
    package let remedy: String

    package init(_ message: String, remedy: String = "") {
        self.message = message
        self.remedy = remedy
    }

    package var description: String { message }
}
