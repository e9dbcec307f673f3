// SPDX-License-Identifier: Apache-2.0
import Crypto
import Foundation
import SealedChannel
import Testing

@Suite("Image signing keys")
struct ImageSigningKeyTests {
    private let folder: TemporaryFolder
    private let key = P384.Signing.PrivateKey()

    init() throws { folder = try TemporaryFolder() }

    private func read(_ text: String, mode: Int = 0o600) throws -> SealedChannelError.Code? {
        let path = folder.file("key.pem")
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
        return refusal { () throws(SealedChannelError) in
            let found = try ImageSigningKey(contentsOf: path)
            guard found.publicKey == Array(key.publicKey.rawRepresentation) else {
                throw SealedChannelError(.cryptography, "another key")
            }
        }
    }

    private func pem(_ label: String, _ der: [UInt8]) -> String {
        let base64 = Data(der).base64EncodedString(options: [.lineLength64Characters, .endLineWithLineFeed])
        return "-----BEGIN \(label)-----\n\(base64)\n-----END \(label)-----\n"
    }

    /// The `ECPrivateKey` as OpenSSL writes it. Lengths are those of keys on P-384.
    private var ecPrivateKey: [UInt8] {
        let content =
            [2, 1, 1, 4, 48] + Array(key.rawRepresentation) + [0xA0, 7, 6, 5, 0x2B, 0x81, 4, 0, 0x22]
            + [0xA1, 100, 3, 98, 0] + Array(key.publicKey.x963Representation)
        return [0x30, 0x81, UInt8(content.count)] + content
    }

    private static let parameters = "-----BEGIN EC PARAMETERS-----\nBgUrgQQAIg==\n-----END EC PARAMETERS-----\n"

    @Test("A PEM key is read in both forms that OpenSSL writes")
    func forms() throws {
        #expect(try read(key.pemRepresentation) == nil)
        #expect(try read(pem("EC PRIVATE KEY", ecPrivateKey)) == nil)
        #expect(try read(Self.parameters + pem("EC PRIVATE KEY", ecPrivateKey)) == nil)
        #expect(try read(pem("EC PRIVATE KEY", ecPrivateKey).replacing("\n", with: "\r\n")) == nil)
        // Without the public key, which is optional.
        let short = [0x30, 62] + ecPrivateKey[3..<(3 + 62)]
        #expect(try read(pem("EC PRIVATE KEY", Array(short))) == nil)
        #expect(try read(key.pemRepresentation, mode: 0o640) == .invalidKeyFile)
    }

    @Test("Keys of other curves and kinds, encrypted keys, and text that is not PEM are refused")
    func refusals() throws {
        for text in [
            P256.Signing.PrivateKey().pemRepresentation, P521.Signing.PrivateKey().pemRepresentation,
            Curve25519.Signing.PrivateKey().rawRepresentation.base64EncodedString(),
            key.publicKey.pemRepresentation, "", "-----BEGIN ", Self.parameters,
            pem("ENCRYPTED PRIVATE KEY", ecPrivateKey),
            pem("EC PRIVATE KEY", ecPrivateKey).replacing(
                "KEY-----\n", with: "KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n", maxReplacements: 1
            ),
            "-----BEGIN EC PRIVATE KEY-----\n-----END EC PRIVATE KEY-----\n",
            pem("EC PRIVATE KEY", ecPrivateKey).replacing("-----END", with: "-----ENDE"),
        ] {
            #expect(try read(text) == .invalidKeyFile, "\(text.prefix(60))")
        }
    }

    @Test("A key whose DER is truncated or changed outside the scalar is refused, or is the same key")
    func damage() throws {
        for count in 0..<ecPrivateKey.count {
            #expect(try read(pem("EC PRIVATE KEY", Array(ecPrivateKey.prefix(count)))) == .invalidKeyFile, "\(count)")
        }
        let scalar = 8..<56
        // The public key is not read: a certificate or a public key says which one is meant.
        let publicKey = 65..<ecPrivateKey.count
        for index in ecPrivateKey.indices where !scalar.contains(index) {
            var changed = ecPrivateKey
            changed[index] ^= 1
            let outcome = try read(pem("EC PRIVATE KEY", changed))
            #expect(publicKey.contains(index) ? outcome == nil : outcome == .invalidKeyFile, "byte \(index)")
        }
    }
}
