// SPDX-License-Identifier: Apache-2.0
import Foundation
import SealedChannel
import SecretMemory
import Testing

@Suite("Secret files")
struct SecretFileTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func refusalOfReading(_ path: String, maximumBytes: Int = 100) -> SecretMemoryError? {
        do throws(SecretMemoryError) {
            _ = try SecretFile.read(path, maximumBytes: maximumBytes)
            return nil
        } catch {
            return error
        }
    }

    private func write(_ text: String, _ name: String, mode: Int) throws -> String {
        let path = folder.file(name)
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
        return path
    }

    @Test("A file is written with mode 0600, reads back, and leaves no temporary file")
    func roundTrip() throws {
        let path = folder.file("secret")
        let bytes = [UInt8](repeating: 9, count: 50)
        try SecretFile.write(bytes.span.bytes, to: path)
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        let read = try SecretFile.read(path, maximumBytes: 50)
        #expect(array(read) == bytes)
        #expect(folder.names == ["secret"])
    }

    @Test("An existing file is kept unless overwriting is requested")
    func existing() throws {
        let path = try write("old", "secret", mode: 0o600)
        do {
            try SecretFile.write(([1] as [UInt8]).span.bytes, to: path)
            Issue.record("the file was overwritten")
        } catch {
            #expect(error.code == .exists)
        }
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "old")
        try SecretFile.write(([65] as [UInt8]).span.bytes, to: path, overwriting: true)
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "A")
        #expect(folder.names == ["secret"])
    }

    @Test(
        "A file that others may access is refused with the command that corrects its mode",
        arguments: [0o640, 0o604, 0o620, 0o601, 0o777])
    func modes(mode: Int) throws {
        let path = try write("secret", "open", mode: mode)
        let error = try #require(refusalOfReading(path))
        #expect(error.code == .notPrivate)
        #expect(error.message.contains("chmod 600 \(path)"))
        #expect(!error.message.contains("secret'"))
    }

    @Test("Links, folders, pipes, missing and oversized files are refused")
    func kinds() throws {
        let path = try write("secret", "file", mode: 0o600)
        try FileManager.default.createSymbolicLink(atPath: folder.file("link"), withDestinationPath: path)
        #expect(mkfifo(folder.file("pipe"), 0o600) == 0)
        #expect(refusalOfReading(folder.file("link"))?.code == .notARegularFile)
        #expect(refusalOfReading(folder.file("pipe"))?.code == .notARegularFile)
        #expect(refusalOfReading(folder.path)?.code == .notARegularFile)
        #expect(refusalOfReading(folder.file("none"))?.code == .notFound)
        #expect(refusalOfReading(path, maximumBytes: 5)?.code == .tooLarge)
        #expect(refusalOfReading(path, maximumBytes: 6) == nil)
    }

    @Test("Keys and tokens are read from their own kind of file only")
    func keyFiles() throws {
        let (model, token, owner) = (ModelKey.random(), AccessToken.random(), OwnerSigningKey.random())
        try model.write(to: folder.file("model"))
        try token.write(to: folder.file("token"))
        try owner.write(to: folder.file("owner"))
        #expect(try ModelKey(contentsOf: folder.file("model")).constantTimeEquals(model))
        #expect(try AccessToken(contentsOf: folder.file("token")).digest == token.digest)
        #expect(try OwnerSigningKey(contentsOf: folder.file("owner")).publicKey == owner.publicKey)
        // Writing must not have wiped the key that is in use.
        let signature = try ManifestSignature.sign([1], by: owner)
        try ManifestSignature.verify(signature, of: [1], by: owner.publicKey)

        #expect(
            refusal { () throws(SealedChannelError) in _ = try ModelKey(contentsOf: folder.file("token")) }
                == .invalidKeyFile)
        #expect(
            refusal { () throws(SealedChannelError) in _ = try AccessToken(contentsOf: folder.file("owner")) }
                == .invalidKeyFile)
        #expect(
            refusal { () throws(SealedChannelError) in _ = try OwnerSigningKey(contentsOf: folder.file("none")) }
                == .invalidKeyFile)
    }

    @Test("A key file is one line with a prefix and standard base64")
    func keyFileText() throws {
        for _ in 0..<50 {
            let secret = (0..<32).map { _ in UInt8.random(in: 0...255) }
            let path = folder.file("key")
            try ModelKey(bytes: secret.span.bytes)?.write(to: path, overwriting: true)
            let text = try String(contentsOfFile: path, encoding: .utf8)
            #expect(text == "infenclave-model-key-v1:" + Data(secret).base64EncodedString() + "\n")
        }
    }

    @Test(
        "A damaged key file is refused",
        arguments: [
            "", "infenclave-token-v1:", "infenclave-token-v2:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
            "infenclave-token-v1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n",
            "infenclave-token-v1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\n",
            "infenclave-token-v1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=\n",
            "infenclave-token-v1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==\n",
            "infenclave-token-v1:AAAAAAAAAAAAAAAAAAAAA-AAAAAAAAAAAAAAAAAAAAA=\n",
            "infenclave-token-v1: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n",
            "infenclave-token-v1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n",
        ])
    func damaged(text: String) throws {
        let path = try write(text, "damaged", mode: 0o600)
        #expect(refusal { () throws(SealedChannelError) in _ = try AccessToken(contentsOf: path) } == .invalidKeyFile)
    }

    @Test("A token's digest equals the reference")
    func tokenDigest() throws {
        let vector = Vectors.stored.token
        let token = try #require(parsedToken(vector.token))
        #expect(token.digest.bytes == hex(vector.digest))
    }
}
