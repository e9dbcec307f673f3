// SPDX-License-Identifier: Apache-2.0
internal import SecretMemory

/// The owner's message to an attested enclave: the model key, the clients with their quotas, the limits and the lease.
///
/// On the wire: the header and encapsulated key of an RFC 9458 request, and HPKE (base mode, with a label of its own)
/// around this plaintext, little-endian: version u32 = 2 ‖ sequence u64 ‖ lease u32, seconds ‖ model key 32 ‖ manifest
/// digest 32 ‖ epoch 16 ‖ SHA-256 of the key configuration 32 ‖ requests in flight u32 ‖ number of clients u32 ‖ for each
/// client, token digests strictly ascending: token digest 32 ‖ requests in the lease u64 ‖ requests a minute u32 ‖ Ed25519
/// signature 64. With an audit the version is 3, and audit share u32 ‖ tolerance u32 ‖ mismatches u32 stand before the number
/// of clients. The signature is the owner's over "infenclave provisioning signature v2", a zero byte, and all fields
/// before it.
package struct ProvisioningMessage: Sendable {
    /// Without an audit.
    package static let version: UInt32 = 2
    package static let auditVersion: UInt32 = 3
    package static let maximumClients = 65_536
    /// The largest message that is opened.
    package static let maximumMessageBytes = 4096 + ClientGrant.byteCount * maximumClients
    private static let fixedByteCount = 4 + 8 + 4 + 32 + 32 + 16 + 32 + 4 + 4
    private static let auditByteCount = 4 + 4 + 4

    package let modelKey: ModelKey
    /// SHA-256 of the manifest core.
    package let manifestDigest: ContentDigest
    /// By token, ascending, without repetition.
    package let clients: [ClientGrant]
    package let terms: ServiceTerms
    package let epoch: EnclaveEpoch
    package let keyConfigurationDigest: ContentDigest

    /// - Parameters:
    ///   - clients: In any order, at most ``maximumClients``, each token once.
    ///   - keyConfiguration: The attested `application/ohttp-keys` list, exactly as the evidence gave it.
    /// - Throws: ``SealedChannelError`` `.invalidValue` for too many clients, a token that is listed twice, or a limit out of
    ///   range.
    package init(
        modelKey: ModelKey, manifestDigest: ContentDigest, clients: some Sequence<ClientGrant>, terms: ServiceTerms,
        epoch: EnclaveEpoch, keyConfiguration: [UInt8]
    ) throws(SealedChannelError) {
        self.modelKey = modelKey
        self.manifestDigest = manifestDigest
        self.clients = clients.sorted { $0.token < $1.token }
        self.terms = terms
        self.epoch = epoch
        keyConfigurationDigest = ContentDigest(of: keyConfiguration)
        guard self.clients.count <= Self.maximumClients else {
            throw SealedChannelError(
                .invalidValue, "\(self.clients.count) clients, the limit is \(Self.maximumClients)")
        }
        guard zip(self.clients, self.clients.dropFirst()).allSatisfy({ $0.token < $1.token }) else {
            throw SealedChannelError(.invalidValue, "a client's token is listed twice; list it once, with one quota")
        }
        guard terms.isValid, self.clients.allSatisfy(\.isValid) else {
            throw SealedChannelError(
                .invalidValue,
                "a limit is out of range: the lease takes 1 to \(ServiceTerms.maximumLeaseSeconds) seconds, other limits 1 "
                    + "or more")
        }
    }

    /// Signs and seals the message.
    ///
    /// - Parameter recipient: A configuration of the attested list.
    /// - Throws: ``SealedChannelError``: `.unsupportedSuite`, `.cryptography`.
    package func sealed(
        to recipient: KeyConfiguration, signedBy owner: OwnerSigningKey
    ) throws(SealedChannelError) -> [UInt8] {
        try encapsulated(to: recipient, signedBy: owner).message
    }

    /// Signs and seals the message.
    ///
    /// - Returns: The message, and what opens the enclave's answer to it.
    /// - Throws: ``SealedChannelError``: `.unsupportedSuite`, `.cryptography`.
    package func encapsulated(
        to recipient: KeyConfiguration, signedBy owner: OwnerSigningKey
    ) throws(SealedChannelError) -> (message: [UInt8], opener: ResponseOpener) {
        let prefix = Labels.prefix(Labels.provisioningSignature)
        let unsignedByteCount =
            Self.fixedByteCount + (terms.audit == nil ? 0 : Self.auditByteCount) + ClientGrant.byteCount * clients.count
        let transcript = SecretBytes(count: prefix.count + unsignedByteCount) { target in
            var writer = SpanWriter(target)
            writer.bytes(prefix)
            write(to: &writer)
            writer.finish()
        }
        let signature = try transcript.withBytes { (bytes) throws(SealedChannelError) in
            try owner.signature(over: bytes)
        }
        let plaintext = SecretBytes(count: unsignedByteCount + signature.count) { target in
            var writer = SpanWriter(target)
            write(to: &writer)
            writer.bytes(signature)
            writer.finish()
        }
        let sealed = try Encapsulation.seal(
            plaintext.bytes, to: recipient, label: Labels.provisioning, exporting: Labels.provisioningAnswer)
        let keys = try ResponseKeys(
            sealed.exportedSecret, encapsulatedKey: sealed.encapsulatedKey, cipher: sealed.cipher)
        return (sealed.message, ResponseOpener(keys: keys))
    }

    private func write(to writer: inout SpanWriter) {
        writer.littleEndian(terms.audit == nil ? Self.version : Self.auditVersion)
        writer.littleEndian(terms.sequence)
        writer.littleEndian(terms.leaseSeconds)
        modelKey.secret.withBytes { writer.bytes($0) }
        writer.bytes(manifestDigest.bytes)
        writer.bytes(epoch.bytes)
        writer.bytes(keyConfigurationDigest.bytes)
        writer.littleEndian(terms.requestsInFlight)
        if let audit = terms.audit {
            for value in [audit.share, audit.tolerance, audit.mismatches] { writer.littleEndian(value) }
        }
        writer.littleEndian(UInt32(clients.count))
        for client in clients {
            writer.bytes(client.token.bytes)
            writer.littleEndian(client.requests)
            writer.littleEndian(client.requestsPerMinute)
        }
    }
}

extension ProvisioningMessage {
    /// The run, bundle and keys of an enclave, which a provisioning message must match.
    package struct Expectation: Sendable {
        package let owner: OwnerPublicKey
        package let manifestDigest: ContentDigest
        package let epoch: EnclaveEpoch

        package init(owner: OwnerPublicKey, manifestDigest: ContentDigest, epoch: EnclaveEpoch) {
            self.owner = owner
            self.manifestDigest = manifestDigest
            self.epoch = epoch
        }
    }

    /// Opens a message, checks that the owner signed it, and that it is for this run, bundle and key list.
    ///
    /// - Throws: ``SealedChannelError``: `.tooLarge`, `.malformed`, `.unsupportedSuite`, `.undecryptable`,
    ///   `.unsupportedVersion`, `.wrongSignature`, `.wrongEpoch`, `.wrongManifest`, `.wrongKeyConfiguration`.
    package static func open(
        _ message: RawSpan, with keys: ChannelKeyPair, expecting expected: Expectation
    ) throws(SealedChannelError) -> ProvisioningMessage {
        try openForAnswer(message, with: keys, expecting: expected).message
    }

    /// The same, with what seals the answer to the owner.
    package static func openForAnswer(
        _ message: RawSpan, with keys: ChannelKeyPair, expecting expected: Expectation
    ) throws(SealedChannelError) -> (message: ProvisioningMessage, sealer: ResponseSealer) {
        guard message.byteCount <= maximumMessageBytes else {
            throw SealedChannelError(
                .tooLarge, "a provisioning message of \(message.byteCount) bytes, the limit is \(maximumMessageBytes)")
        }
        let opened = try self.opened(message, with: keys)
        let plaintext = opened.plaintext.bytes
        try checkSignature(of: plaintext, by: expected.owner)
        let found = try ProvisioningMessage(decodingSigned: plaintext)
        guard found.epoch == expected.epoch else {
            throw SealedChannelError(
                .wrongEpoch, "the message is for run \(found.epoch) of the enclave, this is \(expected.epoch)")
        }
        guard found.manifestDigest == expected.manifestDigest else {
            throw SealedChannelError(
                .wrongManifest,
                "the message is for the bundle with manifest \(found.manifestDigest), served is \(expected.manifestDigest)"
            )
        }
        guard found.keyConfigurationDigest == keys.keyConfigurationDigest else {
            throw SealedChannelError(.wrongKeyConfiguration, "the message is for other keys than this enclave's")
        }
        let responseKeys = try ResponseKeys(
            opened.exportedSecret, encapsulatedKey: opened.encapsulatedKey, cipher: opened.cipher)
        return (found, ResponseSealer(keys: responseKeys))
    }

    /// - Throws: ``SealedChannelError``; `.unsupportedVersion` for a message of version 1, which has another label.
    private static func opened(
        _ message: RawSpan, with keys: ChannelKeyPair
    ) throws(SealedChannelError) -> Encapsulation.Opened {
        do throws(SealedChannelError) {
            return try Encapsulation.open(
                message, with: keys, label: Labels.provisioning, exporting: Labels.provisioningAnswer)
        } catch {
            guard error.code == .undecryptable,
                (try? Encapsulation.open(message, with: keys, label: Labels.provisioningVersion1, exporting: nil).cipher)
                    != nil
            else { throw error }
            throw SealedChannelError(
                .unsupportedVersion,
                "provisioning message: version 1, expected \(version); provision with the version of infenclave that "
                    + "the enclave runs")
        }
    }

    private static func checkSignature(of plaintext: RawSpan, by owner: OwnerPublicKey) throws(SealedChannelError) {
        let signedByteCount = plaintext.byteCount - OwnerPublicKey.signatureByteCount
        guard signedByteCount >= fixedByteCount else {
            throw SealedChannelError(.malformed, "provisioning message: \(plaintext.byteCount) bytes are too few")
        }
        let prefix = Labels.prefix(Labels.provisioningSignature)
        let transcript = SecretBytes(count: prefix.count + signedByteCount) { target in
            var writer = SpanWriter(target)
            writer.bytes(prefix)
            writer.bytes(plaintext.extracting(0..<signedByteCount))
            writer.finish()
        }
        let signature = plaintext.extracting(signedByteCount..<plaintext.byteCount).withUnsafeBytes { Array($0) }
        guard transcript.withBytes({ owner.isValid(signature, over: $0) }) else {
            throw SealedChannelError(.wrongSignature, "the message is not signed by the owner's key \(owner)")
        }
    }

    /// Decodes a plaintext whose signature was checked.
    package init(decodingSigned plaintext: RawSpan) throws(SealedChannelError) {
        var reader = SpanReader(plaintext, of: "provisioning message")
        let version = try reader.littleEndian(UInt32.self, "version")
        guard version == Self.version || version == Self.auditVersion else {
            throw SealedChannelError(
                .unsupportedVersion,
                "provisioning message: version \(version), expected \(Self.version) or \(Self.auditVersion); provision with the version of "
                    + "infenclave that the enclave runs")
        }
        let sequence = try reader.littleEndian(UInt64.self, "sequence")
        let leaseSeconds = try reader.littleEndian(UInt32.self, "lease")
        let keyRange = try reader.skip(ModelKey.byteCount, "model key")
        modelKey = ModelKey(SecretBytes(copying: plaintext.extracting(keyRange)))
        manifestDigest = try ContentDigest(&reader, "manifest digest")
        guard let epoch = EnclaveEpoch(bytes: try reader.array(EnclaveEpoch.byteCount, "epoch")) else {
            throw reader.malformed("epoch")
        }
        self.epoch = epoch
        keyConfigurationDigest = try ContentDigest(&reader, "digest of the key configuration")
        let requestsInFlight = try reader.littleEndian(UInt32.self, "requests in flight")
        var audit: AuditTerms?
        if version == Self.auditVersion {
            audit = AuditTerms(
                share: try reader.littleEndian(UInt32.self, "audit share"),
                tolerance: try reader.littleEndian(UInt32.self, "audit tolerance"),
                mismatches: try reader.littleEndian(UInt32.self, "audit mismatches"))
        }
        terms = ServiceTerms(
            sequence: sequence, leaseSeconds: leaseSeconds, requestsInFlight: requestsInFlight, audit: audit)
        let count = Int(try reader.littleEndian(UInt32.self, "number of clients"))
        guard count <= Self.maximumClients, terms.isValid else {
            throw reader.malformed("\(count) clients and the terms \(terms) are not allowed")
        }
        var clients: [ClientGrant] = []
        for _ in 0..<count {
            guard let token = TokenDigest(bytes: try reader.array(TokenDigest.byteCount, "token digest")) else {
                throw reader.malformed("token digest")
            }
            let client = ClientGrant(
                token: token, requests: try reader.littleEndian(UInt64.self, "requests in the lease"),
                requestsPerMinute: try reader.littleEndian(UInt32.self, "requests a minute"))
            guard client.isValid, clients.last.map({ $0.token < token }) ?? true else {
                throw reader.malformed("the clients are not in ascending order, or a quota is zero")
            }
            clients.append(client)
        }
        self.clients = clients
        _ = try reader.skip(OwnerPublicKey.signatureByteCount, "signature")
        try reader.finish()
    }
}

extension ContentDigest {
    init(_ reader: inout SpanReader, _ field: StaticString) throws(SealedChannelError) {
        guard let digest = ContentDigest(bytes: try reader.array(Self.byteCount, field)) else {
            throw reader.malformed("\(field)")
        }
        self = digest
    }
}
