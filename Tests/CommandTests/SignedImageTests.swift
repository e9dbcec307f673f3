// SPDX-License-Identifier: Apache-2.0
import Attestation
import Crypto
import EnclaveImage
import Evidence
import Foundation
import Testing

/// OpenSSL makes the owner's key and certificate, as AWS's guide says.
private let openSSL = "/usr/bin/openssl"

@Suite(
    "Signed Nitro images",
    .enabled(if: FileManager.default.isExecutableFile(atPath: openSSL), "there is no OpenSSL"))
struct SignedImageTests {
    private let folder: TemporaryFolder
    private let inputs: ImageInputs

    init() throws {
        folder = try TemporaryFolder()
        inputs = try ImageInputs(in: folder)
    }

    private func openssl(_ arguments: [String]) throws {
        let outcome = try Program(arguments, in: folder, executable: openSSL).wait()
        try #require(outcome.status == 0, "\(outcome.errors)")
    }

    private func key(_ name: String, _ curve: String = "secp384r1") throws -> String {
        try openssl(["ecparam", "-name", curve, "-genkey", "-out", folder.file(name)])
        chmod(folder.file(name), 0o600)
        return folder.file(name)
    }

    private func certificate(_ name: String, of key: String, days: String = "20") throws -> String {
        try openssl([
            "req", "-new", "-x509", "-sha384", "-key", key, "-subj", "/CN=owner", "-days", days, "-out",
            folder.file(name),
        ])
        return folder.file(name)
    }

    private func arguments(_ out: String, _ key: String, _ certificate: String) -> [String] {
        inputs.arguments("nitro", out) + ["--signing-key", key, "--certificate", certificate]
    }

    @Test("OpenSSL verifies the signature, the PCRs are recomputed from the file, and a policy pins them")
    func signed() throws {
        let key = try key("key.pem")
        let certificate = try certificate("certificate.pem", of: key)
        try succeed(inputs.arguments("nitro", "plain"), in: folder)
        try succeed(arguments("image", key, certificate), in: folder)
        let values = try measured("image")
        let der = try #require(try Self.content(of: certificate))
        let register = SHA384.hash(data: [UInt8](repeating: 0, count: 48) + SHA384.hash(data: der))
        #expect(values["pcr8"] == Array(register).hex)
        #expect(try values.filter { $0.key != "pcr8" } == measured("plain"))
        let explained = try succeed(["measure", "--image", folder.file("image"), "--explain"], in: folder)
        #expect(explained.output.contains("the signing certificate, valid from 2"))

        // The message that OpenSSL checks is built here, by RFC 9052.
        let image = try EnclaveImageFormat(parsing: bytes(of: folder.file("image/image.eif")))
        let message = try ImageSignature(parsing: image[.signature][0]).message
        let payload = message.payload
        let signed =
            [0x84, 0x6A] + Array("Signature1".utf8) + [0x44, 0xA1, 0x01, 0x38, 0x22, 0x40]
            + [0x58, UInt8(payload.count)] + payload
        let signature = try P384.Signing.ECDSASignature(rawRepresentation: message.signature)
        try openssl(["ec", "-in", key, "-pubout", "-out", folder.file("public.pem")])
        try openssl([
            "dgst", "-sha384", "-verify", folder.file("public.pem"), "-signature",
            folder.write(Array(signature.derRepresentation), to: "signature"), folder.write(signed, to: "message"),
        ])

        let (bundle, file) = (try Deployment(in: folder).bundle, folder.file("policy.json"))
        let list = folder.file("image/measured.json")
        try succeed(["policy", bundle, "--tee", "nitro", "--measured", list, "--out", file], in: folder)
        let policy = try #require(try JSONSerialization.jsonObject(with: Data(bytes(of: file))) as? [String: Any])
        #expect(policy["measurements"] as? [String: [String]] == values.mapValues { [$0] })
        // A host that leaves the signature out has another measured.json.
        try folder.write(bytes(of: folder.file("plain/image.eif")), to: "image/image.eif")
        try expectRefused(["measure", "--image", folder.file("image")], naming: "measured.json", in: folder)
    }

    @Test("measure reports a changed signature with the reason")
    func changed() throws {
        let key = try key("key.pem")
        try succeed(arguments("image", key, certificate("certificate.pem", of: key)), in: folder)
        let image = try EnclaveImageFormat(parsing: bytes(of: folder.file("image/image.eif")))
        let sections = image.sections.map { section in
            guard section.kind == .ramdisk else { return section }
            return EnclaveImageFormat.Section(.ramdisk, section.data + [0, 0, 0, 0])
        }
        try folder.write(EnclaveImageFormat(sections: sections).encoded(), to: "image/image.eif")
        try expectRefused(["measure", "--image", folder.file("image")], naming: "another PCR0", in: folder)
    }

    @Test("A key without its certificate, and a certificate of another key, curve or time, are refused")
    func refusals() throws {
        let (key, other) = (try key("key.pem"), try self.key("other.pem"))
        let certificate = try certificate("certificate.pem", of: key)
        func expectNoImage(_ key: String, _ certificate: String, naming words: String) throws {
            try expectRefused(arguments("image", key, certificate), naming: words, in: folder)
            #expect(!FileManager.default.fileExists(atPath: folder.file("image")))
        }
        try expectNoImage(other, certificate, naming: "another key")
        let small = try self.key("small.pem", "prime256v1")
        try expectNoImage(small, self.certificate("small.crt", of: small), naming: "P-384")
        try expectNoImage(key, self.certificate("small.crt", of: small), naming: "P-384")
        try expectNoImage(key, inputs.kernel, naming: "certificate")
        let past = folder.file("past.crt")
        try openssl(
            ["req", "-new", "-key", key, "-sha384", "-subj", "/CN=owner", "-out", folder.file("csr.pem")])
        try openssl([
            "x509", "-req", "-in", folder.file("csr.pem"), "-signkey", key, "-sha384", "-days", "-1", "-out", past,
        ])
        try expectNoImage(key, past, naming: "nitro-cli")
        chmod(key, 0o644)
        try expectNoImage(key, certificate, naming: "chmod 600")
        try expectUsage(inputs.arguments("nitro", "image") + ["--signing-key", key], in: folder)
        try expectUsage(inputs.arguments("nitro", "image") + ["--certificate", certificate], in: folder)
        if ImageInputs.hasFirmware {
            let more = ["--signing-key", key, "--certificate", certificate]
            try expectUsage(inputs.arguments("snp", "image") + more, in: folder)
        }
    }

    private func measured(_ name: String) throws -> [String: String] {
        let json = try JSONSerialization.jsonObject(with: Data(bytes(of: folder.file("\(name)/measured.json"))))
        return try #require((json as? [String: Any])?["measurements"] as? [String: String])
    }

    /// The DER in a PEM file of one certificate.
    private static func content(of path: String) throws -> [UInt8]? {
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").filter { $0.first != "-" }
        return Data(base64Encoded: lines.joined()).map { Array($0) }
    }
}
