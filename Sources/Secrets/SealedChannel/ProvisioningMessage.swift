internal import SecretMemory

/// What the owner allows an enclave to do.
public struct ServiceLimits: Sendable, Hashable {
    /// Requests that the enclave holds at once; more are refused.
    public let requestsInFlight: UInt32
    /// Requests that this run of the enclave answers in all. The enclave remembers each, to refuse replays, so this
    /// bounds its memory as well.
    public let requestsInEpoch: UInt64

    public init(requestsInFlight: UInt32, requestsInEpoch: UInt64) {
        self.requestsInFlight = requestsInFlight
        self.requestsInEpoch = requestsInEpoch
    }
}

/// The owner's message to an attested enclave: the model key, whom to serve, and how much.
///
/// On the wire: the header and encapsulated key of an RFC 9458 request, and HPKE (base mode, with a label of its own)
/// around this plaintext, little-endian: version u32 = 1 ‖ model key 32 ‖ template digest 32 ‖ manifest digest 32 ‖
/// epoch 16 ‖ SHA-256 of the key configuration 32 ‖ requests in flight u32 ‖ requests in the epoch u64 ‖ number of
/// tokens u32 ‖ their digests, 32 bytes each, strictly ascending ‖ Ed25519 signature 64. The signature is the owner's
/// over "infenclave provisioning signature v1", a zero byte, and all fields before it.
package struct ProvisioningMessage: Sendable {
    package static let version: UInt32 = 1
    package static let maximumTokens = 65_536
    /// The largest message that is opened.
    package static let maximumMessageBytes = 4096 + TokenDigest.byteCount * maximumTokens
    private static let fixedByteCount = 4 + 32 + 32 + 32 + 16 + 32 + 4 + 8 + 4

    package let modelKey: ModelKey
    /// What the sealed parts are bound to; see ``SealedPart``.
    package let templateDigest: ContentDigest
    /// SHA-256 of the manifest's bytes.
    package let manifestDigest: ContentDigest
    /// Sorted, without repetition.
    package let acceptedTokens: [TokenDigest]
    package let limits: ServiceLimits
    package let epoch: EnclaveEpoch
    package let keyConfigurationDigest: ContentDigest

    /// - Parameters:
    ///   - acceptedTokens: In any order, at most ``maximumTokens``.
    ///   - keyConfiguration: The attested `application/ohttp-keys` list, exactly as the evidence gave it.
    /// - Throws: ``SealedChannelError`` `.invalidValue` for too many tokens or a limit of zero.
    package init(
        modelKey: ModelKey, templateDigest: ContentDigest, manifestDigest: ContentDigest,
        acceptedTokens: some Sequence<TokenDigest>, limits: ServiceLimits, epoch: EnclaveEpoch,
        keyConfiguration: [UInt8]
    ) throws(SealedChannelError) {
        self.modelKey = modelKey
        self.templateDigest = templateDigest
        self.manifestDigest = manifestDigest
        self.acceptedTokens = Set(acceptedTokens).sorted()
        self.limits = limits
        self.epoch = epoch
        keyConfigurationDigest = ContentDigest(of: keyConfiguration)
        guard self.acceptedTokens.count <= Self.maximumTokens else {
            throw SealedChannelError(
                .invalidValue, "\(self.acceptedTokens.count) client tokens, the limit is \(Self.maximumTokens)")
        }
        guard limits.requestsInFlight > 0, limits.requestsInEpoch > 0 else {
            throw SealedChannelError(.invalidValue, "a limit of zero requests")
        }
    }

    /// Whether `other` says the same: an enclave takes a repetition, and refuses a second, different message.
    package func agrees(with other: ProvisioningMessage) -> Bool {
        let keys = modelKey.constantTimeEquals(other.modelKey)
        return keys && templateDigest == other.templateDigest && manifestDigest == other.manifestDigest
            && acceptedTokens == other.acceptedTokens && limits == other.limits && epoch == other.epoch
            && keyConfigurationDigest == other.keyConfigurationDigest
    }

    /// Signs and seals the message.
    ///
    /// - Parameter recipient: A configuration of the attested list.
    /// - Throws: ``SealedChannelError``: `.unsupportedSuite`, `.cryptography`.
    package func sealed(
        to recipient: KeyConfiguration, signedBy owner: OwnerSigningKey
    ) throws(SealedChannelError) -> [UInt8] {
        let prefix = Labels.prefix(Labels.provisioningSignature)
        let unsignedByteCount = Self.fixedByteCount + TokenDigest.byteCount * acceptedTokens.count
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
        return try Encapsulation.seal(plaintext.bytes, to: recipient, label: Labels.provisioning, exporting: nil)
            .message
    }

    private func write(to writer: inout SpanWriter) {
        writer.littleEndian(Self.version)
        modelKey.secret.withBytes { writer.bytes($0) }
        writer.bytes(templateDigest.bytes)
        writer.bytes(manifestDigest.bytes)
        writer.bytes(epoch.bytes)
        writer.bytes(keyConfigurationDigest.bytes)
        writer.littleEndian(limits.requestsInFlight)
        writer.littleEndian(limits.requestsInEpoch)
        writer.littleEndian(UInt32(acceptedTokens.count))
        for token in acceptedTokens { writer.bytes(token.bytes) }
    }
}

extension ProvisioningMessage {
    /// What an enclave knows before it is provisioned, and a message must be for.
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
        guard message.byteCount <= maximumMessageBytes else {
            throw SealedChannelError(
                .tooLarge, "a provisioning message of \(message.byteCount) bytes, the limit is \(maximumMessageBytes)")
        }
        let opened = try Encapsulation.open(message, with: keys, label: Labels.provisioning, exporting: nil)
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
        return found
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
        guard version == Self.version else {
            throw SealedChannelError(
                .unsupportedVersion, "provisioning message: version \(version), expected \(Self.version)")
        }
        let keyRange = try reader.skip(ModelKey.byteCount, "model key")
        modelKey = ModelKey(SecretBytes(copying: plaintext.extracting(keyRange)))
        templateDigest = try ContentDigest(&reader, "template digest")
        manifestDigest = try ContentDigest(&reader, "manifest digest")
        guard let epoch = EnclaveEpoch(bytes: try reader.array(EnclaveEpoch.byteCount, "epoch")) else {
            throw reader.malformed("epoch")
        }
        self.epoch = epoch
        keyConfigurationDigest = try ContentDigest(&reader, "digest of the key configuration")
        limits = ServiceLimits(
            requestsInFlight: try reader.littleEndian(UInt32.self, "requests in flight"),
            requestsInEpoch: try reader.littleEndian(UInt64.self, "requests in the epoch"))
        let count = Int(try reader.littleEndian(UInt32.self, "number of tokens"))
        guard count <= Self.maximumTokens, limits.requestsInFlight > 0, limits.requestsInEpoch > 0 else {
            throw reader.malformed("\(count) tokens and the limits \(limits) are not allowed")
        }
        var tokens: [TokenDigest] = []
        for _ in 0..<count {
            let bytes = try reader.array(TokenDigest.byteCount, "token digest")
            guard let token = TokenDigest(bytes: bytes), tokens.last.map({ $0 < token }) ?? true else {
                throw reader.malformed("the token digests are not in ascending order")
            }
            tokens.append(token)
        }
        acceptedTokens = tokens
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
