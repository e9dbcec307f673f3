// SPDX-License-Identifier: Apache-2.0
import Attestation
import AttestationFixtures
import Crypto
import EnclaveImage
import Evidence
import Foundation
import Testing

@Suite("Signed Nitro images")
struct NitroSignatureTests {
    /// The output of `make_signed_image.py`, which uses OpenSSL, pycose and cbor2, for the image in the corpus.
    private static let registers = [
        "pcr0":
            "d814cbd9a8f4cfe84e77b861e46d21a02cf8daa006282750d91c033f502251e944e2af4eda9b8cade06cde9fa98a98c2",
        "pcr1":
            "120a3a8cee081d1449350a17b30b0553772bae4cba723b4a47c28e1f1ea75f17c23f5e64ad2391efbec89914e8597da9",
        "pcr2":
            "f62f54ae9bd87062b8ab850620b7613b176bb7c319ec0ca78aca7f305735b4345955b56e9459c4fe64b6d76aad0ed3cb",
        "pcr8":
            "a24786b8b7f8a4b130eaee6d8519ee4935093fcda9f4d2b66a16c9fe4866f71c2d9936018db461f3ee628bd055fb7659",
    ]

    private static func other() throws -> [UInt8] {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return Array(try Data(contentsOf: root.appending(path: "Fuzz/Corpus/enclave-image/accepted-signed.eif")))
    }

    private struct Signer {
        let key = P384.Signing.PrivateKey()

        func certificate(_ name: String = "signer") throws -> SigningCertificate {
            try SigningCertificate(TestCertificate(name, .p384(key)).der())
        }

        func sign(_ bytes: [UInt8]) throws -> [UInt8] {
            Array(try key.signature(for: SHA384.hash(data: bytes)).rawRepresentation)
        }
    }

    private func image(kernel: [UInt8] = [1, 2, 3]) throws -> EnclaveImageFormat {
        try EnclaveImageFormat(
            kernel: kernel, commandLine: "reboot=k", ramdisks: [[4, 5]], metadata: Array("{}".utf8))
    }

    private func with(_ signature: [UInt8], _ image: EnclaveImageFormat) throws -> EnclaveImageFormat {
        try EnclaveImageFormat(
            sections: image.sections.filter { $0.kind != .signature } + [.init(.signature, signature)])
    }

    /// The reason for which the signature of an image is refused.
    private func refusal(_ image: EnclaveImageFormat) -> ImageError? {
        do throws(ImageError) {
            _ = try image.measurement()
            return nil
        } catch { return error }
    }

    @Test(
        "An image made with OpenSSL, pycose and cbor2 has the PCRs that Python computed, and encodes to the same bytes"
    )
    func otherImplementation() throws {
        let bytes = try Self.other()
        let image = try EnclaveImageFormat(parsing: bytes)
        #expect(image.encoded() == bytes)
        #expect(try image.measurement().values.mapValues(\.hex) == Self.registers)
        let signature = try ImageSignature(parsing: image[.signature][0])
        #expect(signature.encoded() == image[.signature][0])
        // The certificate is of version 1, as OpenSSL makes it with the commands of AWS's guide.
        let signer = try #require(try image.signer())
        #expect(signer.pem == signature.certificate)
        #expect(signer.isValid(at: Timestamp(secondsSince1970: signer.notBefore.secondsSince1970)))
        #expect(!signer.isValid(at: Timestamp(secondsSince1970: signer.notBefore.secondsSince1970 - 1)))
        #expect(!signer.isValid(at: Timestamp(secondsSince1970: signer.notAfter.secondsSince1970 + 1)))
    }

    @Test("A signature adds the certificate's PCR, reads back, and changes no other PCR")
    func signing() throws {
        let (plain, signer) = (try image(), Signer())
        let signed = try plain.signed(signer.certificate(), by: signer.sign)
        let read = try EnclaveImageFormat(parsing: signed.encoded())
        #expect(read == signed)
        #expect(signed.sections.dropLast() == plain.sections[...] && signed.sections.last?.kind == .signature)
        let digest = SHA384.hash(data: try signer.certificate().der)
        var expected = try plain.measurement().values
        #expect(expected["pcr8"] == nil)
        expected["pcr8"] = Array(SHA384.hash(data: [UInt8](repeating: 0, count: 48) + digest))
        #expect(try read.measurement().values == expected)
        #expect(try read.signer()?.publicKey == Array(signer.key.publicKey.rawRepresentation))
        // The signature is random, and nothing else is.
        let again = try plain.signed(signer.certificate(), by: signer.sign)
        let (first, second) = (signed[.signature][0], again[.signature][0])
        #expect(first != second && again.sections.dropLast() == signed.sections.dropLast())
        #expect(try again.measurement().values == expected)
        // An image is signed once, by the key of its certificate.
        #expect(throws: ImageError.self) { try signed.signed(signer.certificate(), by: signer.sign) }
        #expect(throws: ImageError.self) { try plain.signed(Signer().certificate(), by: signer.sign) }
    }

    @Test("A signature over another image, by another key or with another certificate is refused for that reason")
    func otherSignatures() throws {
        let (plain, signer, stranger) = (try image(), Signer(), Signer())
        let signed = try plain.signed(signer.certificate(), by: signer.sign)
        let section = signed[.signature][0]
        let other = try with(section, image(kernel: [9]))
        #expect(refusal(other)?.code == .signature)
        #expect(refusal(other)?.message.contains("another PCR0") == true)

        let foreign = try ImageSignature(
            parsing: plain.signed(stranger.certificate(), by: stranger.sign)[.signature][0])
        let own = try ImageSignature(parsing: section)
        // The certificate of one, and the signature of the other.
        let mixed = try Self.section(certificate: foreign.certificate, message: own.message.encoded())
        #expect(refusal(try with(mixed, plain))?.message.contains("not by its certificate's key") == true)
        #expect(refusal(try with(mixed, plain))?.code == .signature)
        // Another certificate of the same key passes, and has another register.
        let renamed = try Self.section(certificate: signer.certificate("other").pem, message: own.message.encoded())
        let (before, after) = (try signed.measurement().values, try with(renamed, plain).measurement().values)
        #expect(before["pcr8"] != after["pcr8"] && before["pcr0"] == after["pcr0"])
        for text in [Array("no certificate".utf8), own.certificate + own.certificate, []] {
            let changed = try Self.section(certificate: text, message: own.message.encoded())
            #expect(refusal(try with(changed, plain))?.code == .signature)
        }
        // A certificate of a curve that ES384 is not for.
        let small = TestCertificate("small", .p256(P256.Signing.PrivateKey()))
        let changed = try Self.section(certificate: small.pem(), message: own.message.encoded())
        #expect(refusal(try with(changed, plain))?.message.contains("P-384") == true)
    }

    @Test("A signature section in another form than that of AWS's tools is refused")
    func forms() throws {
        let (plain, signer) = (try image(), Signer())
        let section = try plain.signed(signer.certificate(), by: signer.sign)[.signature][0]
        let own = try ImageSignature(parsing: section)
        let (certificate, message) = (own.certificate, own.message.encoded())
        func expectMalformed(_ changed: [UInt8], _ what: String) throws {
            #expect(refusal(try with(changed, plain))?.code == .malformed, "\(what)")
        }
        #expect(try Self.section(certificate: certificate, message: message) == section)
        try expectMalformed([0x82] + section.dropFirst() + section.dropFirst(), "two signatures")
        try expectMalformed([0x80], "no signature")
        try expectMalformed(section + [0], "a byte behind it")
        try expectMalformed(Array(section.dropLast()), "a byte less")
        try expectMalformed([0x98, 1] + section.dropFirst(), "a longer form of a count")
        // Byte strings instead of arrays of numbers.
        let name = CBOR.encoded("signature") + CBOR.encoded(message)
        let start = section.prefix(section.count - CBOR.encoded("signature").count - Self.numbers(message).count)
        try expectMalformed(start + name, "a byte string")
        // {1: -7} is ES256, and a header that is not signed could say anything.
        let es256 = message.prefix(1) + CBOR.encoded([0xA1, 0x01, 0x26]) + message.dropFirst(6)
        try expectMalformed(Self.section(certificate: certificate, message: Array(es256)), "ES256")
        let open = message.prefix(6) + [0xA1, 0x01, 0x38, 0x22] + message.dropFirst(7)
        try expectMalformed(Self.section(certificate: certificate, message: Array(open)), "an open header")
        let tagged = [0xD2] + message
        try expectMalformed(Self.section(certificate: certificate, message: tagged), "a tag")
    }

    @Test(
        "With its checksum corrected, each of 1,000 mutations is refused, changes a PCR or changes only unmeasured data"
    )
    func mutations() throws {
        let original = try Self.other()
        let image = try EnclaveImageFormat(parsing: original)
        let registers = try image.measurement().values
        var mutations = Mutations(seed: 8)
        var (refused, different, unmeasured) = (0, 0, 0)
        for number in 0..<1000 {
            var changed = mutations.change(original, in: 0..<original.count)
            guard changed != original, changed.count >= 548 else { continue }
            changed.replaceSubrange(544..<548, with: NitroImageTests.bigEndian(NitroImageTests.checksum(changed)))
            guard let read = try? EnclaveImageFormat(parsing: changed), let values = try? read.measurement().values
            else {
                refused += 1
                continue
            }
            if values["pcr8"] != registers["pcr8"] {
                // Without a signature, or with another certificate for the same key: the signed bytes are the same.
                different += 1
                #expect(values["pcr8"] == nil || values["pcr0"] == registers["pcr0"], "mutation \(number)")
            } else {
                unmeasured += 1
                #expect(values == registers && read[.signature] == image[.signature], "mutation \(number)")
            }
        }
        #expect(refused > 800 && different < 50 && unmeasured < 100, "\(refused), \(different), \(unmeasured)")
        // Every fifth byte of the signature section alone.
        let signature = image[.signature][0]
        for index in stride(from: 0, to: signature.count, by: 5) {
            var changed = signature
            changed[index] ^= 1
            #expect(throws: ImageError.self, "byte \(index)") {
                // Another certificate of the same key would be measured.
                let values = try with(changed, image).measurement().values
                if values["pcr8"] != registers["pcr8"] { throw ImageError(.signature, "measured otherwise") }
            }
        }
    }

    private static func numbers(_ bytes: [UInt8]) -> [UInt8] {
        CBOR.head(4, UInt64(bytes.count)) + bytes.flatMap { CBOR.head(0, UInt64($0)) }
    }

    private static func section(certificate: [UInt8], message: [UInt8]) throws -> [UInt8] {
        [0x81, 0xA2] + CBOR.encoded("signing_certificate") + numbers(certificate) + CBOR.encoded("signature")
            + numbers(message)
    }
}
