// SPDX-License-Identifier: Apache-2.0
package import Attestation
import Crypto

extension EnclaveImageFormat {
    /// PCR0 to PCR2, as the Nitro hypervisor measures the image, and PCR8 of a signed one. PCR0 covers kernel, command
    /// line and all ramdisks; PCR1 the same with only the first ramdisk; PCR2 the other ramdisks; PCR8 the certificate of
    /// the signer. The metadata is in none of them.
    ///
    /// - Throws: ``ImageError`` for a signature that cannot be read or is not valid.
    package func measurement() throws(ImageError) -> LaunchMeasurement {
        var measurement = registers()
        if let signer = try signer(measurement) {
            measurement.note("pcr8", "the start", .zeros(48))
            measurement.note(
                "pcr8", "the signing certificate, valid from \(signer.notBefore) to \(signer.notAfter)",
                Self.extended(SHA384.hash(data: signer.der)))
        }
        return measurement
    }

    /// The certificate whose key signed the image; `nil` for an image that is not signed.
    ///
    /// - Throws: ``ImageError`` for a signature that cannot be read or is not valid.
    package func signer() throws(ImageError) -> SigningCertificate? { try signer(registers()) }

    private func signer(_ registers: LaunchMeasurement) throws(ImageError) -> SigningCertificate? {
        guard let section = self[.signature].first else { return nil }
        return try ImageSignature(parsing: section).verified(registers.values["pcr0"] ?? [])
    }

    /// The same image with a signature as its last section.
    ///
    /// - Parameter sign: As for ``ImageSignature``.
    /// - Throws: ``ImageError`` for an image that is signed, or for a key that is not the certificate's.
    package func signed(
        _ certificate: SigningCertificate, by sign: ([UInt8]) throws -> [UInt8]
    ) throws -> EnclaveImageFormat {
        let signature = try ImageSignature(of: registers().values["pcr0"] ?? [], certificate: certificate, by: sign)
        return try EnclaveImageFormat(
            isArm: isArm, defaultMemory: defaultMemory, defaultProcessors: defaultProcessors,
            sections: sections + [Section(.signature, signature.encoded())])
    }

    /// A register that was extended once.
    private static func extended(_ content: SHA384.Digest) -> [UInt8] {
        Array(SHA384.hash(data: [UInt8].zeros(48) + content))
    }

    private func registers() -> LaunchMeasurement {
        let start = [("kernel", self[.kernel][0]), ("command line", self[.commandLine][0])]
        let ramdisks = self[.ramdisk].enumerated().map { ("ramdisk \($0.offset + 1)", $0.element) }
        var measurement = LaunchMeasurement()
        for (name, parts) in [
            ("pcr0", start + ramdisks), ("pcr1", start + ramdisks.prefix(1)), ("pcr2", Array(ramdisks.dropFirst())),
        ] {
            var content = SHA384()
            for part in parts { content.update(data: part.1) }
            measurement.note(name, "the start", .zeros(48))
            measurement.note(
                name, parts.isEmpty ? "nothing" : parts.map(\.0).joined(separator: ", "),
                Self.extended(content.finalize()))
        }
        return measurement
    }
}
