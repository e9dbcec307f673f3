// SPDX-License-Identifier: Apache-2.0
import SealedChannel
import SecretMemory
import Tensors

enum ChannelTargets {
    /// Keys that are no secret, so that seeds open.
    static let keys = Result {
        try ChannelKeyPair(
            keyIdentifier: 7, x25519: [UInt8](repeating: 0x42, count: 32),
            algorithms: [KeyConfiguration.SymmetricAlgorithms.standard])
    }
    static let modelKey = ModelKey(bytes: [UInt8](repeating: 0x17, count: 32).span.bytes)
    static let context = ContentDigest(of: [])
    static let inputs: [TensorType] =
        (try? [
            TensorType(.float32, Shape([1, 2, 2, 2])), TensorType(.uint8, Shape([1, 2, 2, 2])),
        ]) ?? []

    /// An `application/ohttp-keys` list, as an attested server gives it.
    static func keyConfiguration(_ bytes: UnsafeRawBufferPointer) throws {
        let list = try KeyConfiguration.parseList(bytes.bytes)
        let encoded = KeyConfiguration.encodeList(list)
        promise(try KeyConfiguration.parseList(encoded.span.bytes) == list, "a key list survives its encoding")
        _ = try KeyConfiguration.preferred(in: list)
    }

    /// An encapsulated request, or an owner's sealed message.
    static func obliviousRequest(_ bytes: UnsafeRawBufferPointer) throws {
        let keys = try keys.get()
        _ = try ObliviousGateway(keys: keys, maximumMessageBytes: 1 << 16).open(bytes.bytes)
    }

    /// A request or a response of RFC 9292.
    static func binaryHTTP(_ bytes: UnsafeRawBufferPointer) throws {
        try anyAccepts([
            {
                let head = try BinaryRequest(decoding: bytes.bytes)
                head.withContent(of: bytes.bytes) { content in
                    let again = try? BinaryRequest(decoding: head.encode(content: content).bytes)
                    promise(again?.fields == head.fields, "a request survives its encoding")
                }
            },
            {
                let head = try BinaryResponse(decoding: bytes.bytes)
                head.withContent(of: bytes.bytes) { content in
                    let again = try? BinaryResponse(decoding: head.encode(content: content).bytes)
                    promise(again?.fields == head.fields, "a response survives its encoding")
                }
            },
        ])
    }

    /// What an enclave finds in an opened request: binary HTTP, or the body alone.
    static func classificationRequest(_ bytes: UnsafeRawBufferPointer) throws {
        try anyAccepts([
            { _ = try ClassificationRequest(binaryRequest: bytes.bytes, accepting: inputs) },
            { _ = try ClassificationRequest(decoding: bytes.bytes, accepting: inputs) },
        ])
    }

    /// What a client finds in an opened answer: binary HTTP, or the body alone.
    static func classificationAnswer(_ bytes: UnsafeRawBufferPointer) throws {
        try anyAccepts([
            { _ = try ClassificationAnswer(binaryResponse: bytes.bytes) },
            { _ = try ClassificationAnswer(decoding: bytes.bytes) },
        ])
    }

    /// The plaintext of an owner's message.
    static func provisioning(_ bytes: UnsafeRawBufferPointer) throws {
        let message = try ProvisioningMessage(decodingSigned: bytes.bytes)
        let tokens = message.clients.map(\.token)
        promise(
            zip(tokens, tokens.dropFirst()).allSatisfy { $0 < $1 }, "clients are in ascending order, each once")
        promise(
            message.terms.sequence > 0 && message.terms.leaseSeconds > 0, "a message has a sequence number and a lease")
    }

    /// What the owner finds in an opened answer to a provisioning message.
    static func auditStatistics(_ bytes: UnsafeRawBufferPointer) throws {
        let statistics = try AuditStatistics(decoding: bytes.bytes)
        promise(statistics.encoded().elementsEqual(bytes), "audit statistics have one encoding")
    }

    /// A sealed part of a bundle.
    static func sealedPart(_ bytes: UnsafeRawBufferPointer) throws {
        guard let modelKey else { return }
        let part = try SealedPart.open(
            bytes.bytes, as: .frontNet, modelKey: modelKey, context: context)
        promise(part.bytes.byteCount < bytes.count, "a sealed part is longer than what it holds")
    }
}
