// SPDX-License-Identifier: Apache-2.0
import Attestation
import EnclaveImage
import Foundation
import SealedChannel

/// What signs an image for Nitro: a key, and the certificate that names it.
struct ImageSigner {
    private let key: ImageSigningKey
    private let certificate: SigningCertificate

    /// - Parameters:
    ///   - key: A file of `keygen image`, or a key on P-384 in PEM.
    ///   - certificate: PEM text.
    /// - Throws: ``CommandFailure`` for a certificate of another key, or one that is not valid now: nitro-cli does not
    ///   start such an image.
    init(key: String, certificate: String) throws {
        self.key = try ImageSigningKey(contentsOf: key)
        self.certificate = try SigningCertificate(
            [UInt8](try InputFile.read(certificate, maximumBytes: SigningCertificate.maximumBytes)))
        guard self.certificate.publicKey == self.key.publicKey else {
            throw CommandFailure(
                "certificate", "\(certificate) is the certificate of another key than \(key)",
                remedy: "make one with `openssl req -new -x509 -sha384 -key \(key)`")
        }
        try Self.requireValidity(self.certificate, certificate)
    }

    func sign(_ image: EnclaveImageFormat) throws -> EnclaveImageFormat {
        try image.signed(certificate) { try key.signature(over: $0) }
    }

    private static func requireValidity(_ certificate: SigningCertificate, _ path: String) throws {
        guard !certificate.isValid(at: now) else { return }
        throw CommandFailure(
            "certificate",
            "\(path) is valid from \(certificate.notBefore) to \(certificate.notAfter), which is not now: nitro-cli starts no image with it",
            remedy: "make another certificate for the key")
    }

    /// Warns of a certificate with which the image does not start any more.
    static func warnOfExpiry(_ image: EnclaveImageFormat) throws {
        guard let certificate = try image.signer(), !certificate.isValid(at: now) else { return }
        printError(
            "warning: the signing certificate is valid from \(certificate.notBefore) to \(certificate.notAfter): nitro-cli does not start the image now"
        )
    }

    private static var now: Timestamp { Timestamp(secondsSince1970: Int64(Date().timeIntervalSince1970)) }
}
