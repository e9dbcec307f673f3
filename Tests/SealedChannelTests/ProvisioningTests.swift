// SPDX-License-Identifier: Apache-2.0
import Crypto
import Foundation
import SealedChannel
import SecretMemory
import Testing

@Suite("Provisioning")
struct ProvisioningTests {
    private struct Setting {
        let owner = OwnerSigningKey.random()
        let keys: ChannelKeyPair
        let modelKey = ModelKey.random()
        let manifest = ContentDigest(of: [2])
        let epoch = EnclaveEpoch.random()
        let tokens = (0..<5).map { _ in AccessToken.random().digest }

        static let terms = ServiceTerms(sequence: 3, leaseSeconds: 60, requestsInFlight: 8)

        init() throws { keys = try ChannelKeyPair.generate() }

        var expectation: ProvisioningMessage.Expectation {
            ProvisioningMessage.Expectation(owner: owner.publicKey, manifestDigest: manifest, epoch: epoch)
        }

        func message(
            manifest: ContentDigest? = nil, epoch: EnclaveEpoch? = nil, keyConfiguration: [UInt8]? = nil,
            terms: ServiceTerms = Self.terms, clients: [ClientGrant]? = nil
        ) throws(SealedChannelError) -> ProvisioningMessage {
            try ProvisioningMessage(
                modelKey: modelKey, manifestDigest: manifest ?? self.manifest,
                clients: clients ?? tokens.map { ClientGrant(token: $0, requests: 100, requestsPerMinute: 7) },
                terms: terms, epoch: epoch ?? self.epoch, keyConfiguration: keyConfiguration ?? keys.keyConfiguration)
        }

        func refuses(_ message: ProvisioningMessage, signedBy signer: OwnerSigningKey? = nil) throws
            -> SealedChannelError.Code?
        {
            let sealed = try message.sealed(
                to: try KeyConfiguration.preferred(in: keys.configurations), signedBy: signer ?? owner)
            return refusal { () throws(SealedChannelError) in
                _ = try ProvisioningMessage.open(sealed.span.bytes, with: keys, expecting: expectation)
            }
        }
    }

    @Test("An opened message equals the sealed one, with the clients in order", arguments: KeyEncapsulation.allCases)
    func roundTrip(kem: KeyEncapsulation) throws {
        let setting = try Setting()
        let message = try setting.message()
        let recipient = try #require(setting.keys.configurations.first { $0.kem == kem })
        let sealed = try message.sealed(to: recipient, signedBy: setting.owner)
        let found = try ProvisioningMessage.open(
            sealed.span.bytes, with: setting.keys, expecting: setting.expectation)
        #expect(found.modelKey.constantTimeEquals(setting.modelKey))
        #expect(found.manifestDigest == setting.manifest && found.epoch == setting.epoch)
        #expect(
            found.clients
                == setting.tokens.sorted().map { ClientGrant(token: $0, requests: 100, requestsPerMinute: 7) })
        #expect(found.clients == message.clients && found.terms == Setting.terms)
    }

    @Test(
        "Audit terms survive, and only the sender of the message can open the enclave's counts")
    func audit() throws {
        let setting = try Setting()
        let audit = AuditTerms(share: 50_000, tolerance: 10_000, mismatches: 3)
        let message = try setting.message(terms: ServiceTerms(sequence: 3, audit: audit))
        let recipient = try KeyConfiguration.preferred(in: setting.keys.configurations)
        let (sealed, opener) = try message.encapsulated(to: recipient, signedBy: setting.owner)
        let (found, sealer) = try ProvisioningMessage.openForAnswer(
            sealed.span.bytes, with: setting.keys, expecting: setting.expectation)
        #expect(found.terms == message.terms && found.clients == message.clients)
        var statistics = AuditStatistics()
        (statistics.results, statistics.audited, statistics.mismatches, statistics.withoutHost) = (9, 3, 1, 2)
        let counts = statistics.encoded()
        let answer = try sealer.seal(counts.span.bytes)
        let opened = try opener.open(answer.span.bytes)
        #expect(try AuditStatistics(decoding: opened.bytes) == statistics)
        let other = try message.encapsulated(to: recipient, signedBy: setting.owner).opener
        #expect(refusal { () throws(SealedChannelError) in _ = try other.open(answer.span.bytes) } == .undecryptable)
        statistics.audited = 10
        let impossible = statistics.encoded()
        for bytes in [impossible, Array(impossible.dropLast()), impossible + [0], [2] + impossible.dropFirst()] {
            let code = refusal { () throws(SealedChannelError) in _ = try AuditStatistics(decoding: bytes.span.bytes) }
            #expect(code == .malformed)
        }
        for wrong in [
            AuditTerms(share: 0), AuditTerms(share: 1_000_001), AuditTerms(share: 1, tolerance: 0),
            AuditTerms(share: 1, tolerance: 1_000_001), AuditTerms(share: 1, mismatches: 0),
        ] {
            let code = refusal { () throws(SealedChannelError) in
                _ = try setting.message(terms: ServiceTerms(sequence: 3, audit: wrong))
            }
            #expect(code == .invalidValue)
        }
    }

    @Test("Messages of another implementation open", arguments: KeyEncapsulation.allCases)
    func interoperates(kem: KeyEncapsulation) throws {
        let vector = kem == .x25519 ? Vectors.stored.provisioningX25519 : Vectors.stored.provisioningXWing
        let expected = ProvisioningMessage.Expectation(
            owner: try #require(OwnerPublicKey(bytes: hex(vector.ownerPublicKey))),
            manifestDigest: try #require(ContentDigest(hexadecimal: vector.manifestDigest)),
            epoch: try #require(EnclaveEpoch(bytes: hex(vector.epoch))))
        let keys = try keys(kem, vector.keyIdentifier, vector.privateKey)
        let found = try ProvisioningMessage.open(hex(vector.message).span.bytes, with: keys, expecting: expected)
        let modelKey = try #require(parsedModelKey(vector.modelKey))
        #expect(found.modelKey.constantTimeEquals(modelKey))
        let clients = vector.tokens.enumerated().compactMap { index, token in
            parsedToken(token).map {
                ClientGrant(
                    token: $0.digest, requests: 1000 + UInt64(index), requestsPerMinute: 60 + UInt32(index))
            }
        }
        #expect(found.clients == clients.sorted { $0.token < $1.token })
        #expect(found.terms == ServiceTerms(sequence: 41, leaseSeconds: 86_400, requestsInFlight: 8))
    }

    @Test("Another run, bundle, key list and signer each have their own error code")
    func codes() throws {
        let setting = try Setting()
        #expect(try setting.refuses(try setting.message()) == nil)
        #expect(try setting.refuses(try setting.message(epoch: .random())) == .wrongEpoch)
        #expect(try setting.refuses(try setting.message(manifest: ContentDigest(of: [3]))) == .wrongManifest)
        #expect(try setting.refuses(try setting.message(keyConfiguration: [0])) == .wrongKeyConfiguration)
        #expect(try setting.refuses(try setting.message(), signedBy: .random()) == .wrongSignature)
    }

    @Test("A message with an altered byte, or truncated, is refused")
    func mutations() throws {
        let setting = try Setting()
        let recipient = try #require(setting.keys.configurations.first { $0.kem == .x25519 })
        let sealed = try setting.message().sealed(to: recipient, signedBy: setting.owner)
        for altered in Array(flips(sealed)) + Array(truncations(sealed)) {
            let code = refusal { () throws(SealedChannelError) in
                _ = try ProvisioningMessage.open(altered.span.bytes, with: setting.keys, expecting: setting.expectation)
            }
            #expect([.undecryptable, .unsupportedSuite, .malformed].contains(code))
        }
    }

    @Test("A client's request does not open as a provisioning message, nor the reverse")
    func labels() throws {
        let setting = try Setting()
        let recipient = try KeyConfiguration.preferred(in: setting.keys.configurations)
        let sealed = try setting.message().sealed(to: recipient, signedBy: setting.owner)
        let gateway = ObliviousGateway(keys: setting.keys, maximumMessageBytes: 1 << 20)
        #expect(refusal { () throws(SealedChannelError) in _ = try gateway.open(sealed.span.bytes) } == .undecryptable)
        let request = try ObliviousRequest.seal([UInt8](repeating: 0, count: 300).span.bytes, to: recipient).message
        let code = refusal { () throws(SealedChannelError) in
            _ = try ProvisioningMessage.open(request.span.bytes, with: setting.keys, expecting: setting.expectation)
        }
        #expect(code == .undecryptable)
    }

    @Test("The error for a message of version 1 names the version to use, whatever its contents")
    func versionOne() throws {
        let setting = try Setting()
        let recipient = try #require(setting.keys.configurations.first { $0.kem == .x25519 })
        // As version 1 sealed it: another label, and plaintext of another layout.
        let header: [UInt8] = [recipient.keyIdentifier, 0x00, 0x20, 0x00, 0x01, 0x00, 0x02]
        func message(label: String) throws -> [UInt8] {
            var sender = try HPKE.Sender(
                recipientKey: try Curve25519.KeyAgreement.PublicKey(rawRepresentation: recipient.publicKey),
                ciphersuite: HPKE.Ciphersuite(kem: .Curve25519_HKDF_SHA256, kdf: .HKDF_SHA256, aead: .AES_GCM_256),
                info: Data(Array(label.utf8) + [0] + header))
            let ciphertext = try sender.seal([UInt8](repeating: 7, count: 300))
            return header + Array(sender.encapsulatedKey) + Array(ciphertext)
        }
        func error(_ message: [UInt8]) -> SealedChannelError? {
            do throws(SealedChannelError) {
                _ = try ProvisioningMessage.open(message.span.bytes, with: setting.keys, expecting: setting.expectation)
                return nil
            } catch { return error }
        }
        let old = error(try message(label: "infenclave provisioning v1"))
        #expect(old?.code == .unsupportedVersion)
        #expect(old?.message.contains("version 1, expected 2") == true)
        #expect(old?.message.contains("provision with the version of infenclave that the enclave runs") == true)
        #expect(error(try message(label: "infenclave provisioning v0"))?.code == .undecryptable)
        #expect(error(try message(label: "infenclave provisioning v2"))?.code != .unsupportedVersion)
    }

    @Test("Too many clients, duplicate clients, limits out of range and oversized messages are refused")
    func limits() throws {
        let setting = try Setting()
        func code(_ terms: ServiceTerms = Setting.terms, _ clients: [ClientGrant]? = nil) -> SealedChannelError.Code? {
            refusal { () throws(SealedChannelError) in _ = try setting.message(terms: terms, clients: clients) }
        }
        #expect(code() == nil)
        #expect(code(ServiceTerms(sequence: 0)) == .invalidValue)
        #expect(code(ServiceTerms(sequence: 1, leaseSeconds: 0)) == .invalidValue)
        #expect(code(ServiceTerms(sequence: 1, leaseSeconds: ServiceTerms.maximumLeaseSeconds)) == nil)
        #expect(code(ServiceTerms(sequence: 1, leaseSeconds: ServiceTerms.maximumLeaseSeconds + 1)) == .invalidValue)
        #expect(code(ServiceTerms(sequence: 1, requestsInFlight: 0)) == .invalidValue)
        let token = setting.tokens[0]
        #expect(code(Setting.terms, [ClientGrant(token: token, requests: 0)]) == .invalidValue)
        #expect(code(Setting.terms, [ClientGrant(token: token, requestsPerMinute: 0)]) == .invalidValue)
        let twice = [ClientGrant(token: token), ClientGrant(token: token, requests: 5)]
        #expect(code(Setting.terms, twice) == .invalidValue)
        let many = (0...UInt32(ProvisioningMessage.maximumClients)).compactMap { number in
            TokenDigest(bytes: [UInt8](repeating: 0, count: 28) + withUnsafeBytes(of: number) { [UInt8]($0) })
                .map { ClientGrant(token: $0) }
        }
        #expect(code(Setting.terms, many) == .invalidValue)
        #expect(try setting.refuses(try setting.message(clients: many.dropLast())) == nil)
        let large = [UInt8](repeating: 0, count: ProvisioningMessage.maximumMessageBytes + 1)
        let tooLarge = refusal { () throws(SealedChannelError) in
            _ = try ProvisioningMessage.open(large.span.bytes, with: setting.keys, expecting: setting.expectation)
        }
        #expect(tooLarge == .tooLarge)
    }
}

@Suite("Manifest signatures")
struct ManifestSignatureTests {
    @Test("Signatures agree with the reference, and verify only for the exact bytes and key")
    func signatures() throws {
        let vector = Vectors.stored.manifest
        let owner = try OwnerSigningKey(seed: hex(vector.ownerSeed).span.bytes)
        let (manifest, signature) = (hex(vector.manifest), hex(vector.signature))
        #expect(owner.publicKey.bytes == hex(vector.ownerPublicKey))
        #expect(OwnerPublicKey(hexadecimal: owner.publicKey.description) == owner.publicKey)
        #expect(try ManifestSignature.sign(manifest, by: owner) == signature)
        try ManifestSignature.verify(signature, of: manifest, by: owner.publicKey)

        func code(_ signature: [UInt8], _ manifest: [UInt8], _ key: OwnerPublicKey) -> SealedChannelError.Code? {
            refusal { () throws(SealedChannelError) in
                try ManifestSignature.verify(signature, of: manifest, by: key)
            }
        }
        for altered in Array(flips(signature)) + Array(truncations(signature)) {
            #expect(code(altered, manifest, owner.publicKey) == .wrongSignature)
        }
        for altered in Array(flips(manifest)) + Array(truncations(manifest)) {
            #expect(code(signature, altered, owner.publicKey) == .wrongSignature)
        }
        #expect(code(signature, manifest, OwnerSigningKey.random().publicKey) == .wrongSignature)
    }
}
