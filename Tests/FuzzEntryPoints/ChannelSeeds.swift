// SPDX-License-Identifier: Apache-2.0
import SealedChannel
import SecretMemory
import Tensors

extension FuzzSeed {
    static func channelSeeds() throws -> [FuzzSeed] {
        let keys = try ChannelTargets.keys.get()
        let request = try binaryRequest()
        let part = try sealedPart()
        let answers = try answers()
        return [
            FuzzSeed(.keyConfiguration, "x25519", keys.keyConfiguration),
            FuzzSeed(.keyConfiguration, "both", try ChannelKeyPair.generate().keyConfiguration),
            FuzzSeed(
                .obliviousRequest, "x25519",
                try ObliviousRequest.seal(request.span.bytes, to: keys.configurations[0]).message),
            FuzzSeed(.binaryHTTP, "request", request), FuzzSeed(.binaryHTTP, "chunked", chunked),
            FuzzSeed(.binaryHTTP, "response", answers[0]),
            FuzzSeed(.classificationRequest, "whole", request),
            FuzzSeed(.classificationRequest, "body", try requestBody()),
            FuzzSeed(.classificationAnswer, "answer", answers[0]),
            FuzzSeed(.classificationAnswer, "refusal", answers[1]),
            FuzzSeed(.provisioning, "two-clients", provisioningPlaintext()),
            FuzzSeed(.provisioning, "audit", provisioningPlaintext(auditing: true)),
            FuzzSeed(.auditStatistics, "counts", AuditStatistics().encoded()),
            FuzzSeed(.sealedPart, "three-chunks", part),
        ]
    }

    private static func request() throws -> ClassificationRequest {
        guard let token = AccessToken(bytes: [UInt8](repeating: 3, count: 32).span.bytes) else {
            preconditionFailure("a token has 32 bytes")
        }
        return ClassificationRequest(
            token: token, tensor: try Tensor((0..<8).map { UInt8($0) }, shape: [1, 2, 2, 2]))
    }

    private static func requestBody() throws -> [UInt8] {
        let body = try request().encode()
        return body.withBytes { Array($0) }
    }

    private static func binaryRequest() throws -> [UInt8] {
        let message = try request().encodeBinaryRequest(authority: "localhost:8080")
        return message.withBytes { Array($0) }
    }

    /// An answer and a refusal.
    private static func answers() throws -> [[UInt8]] {
        let layout = try AnswerLayout(classCount: 2, nameByteCount: 12)
        let answer = try ClassificationAnswer.encodeBinaryResponse(layout: layout) {
            (position, writer) throws(SealedChannelError) in
            let name = Array(position == 0 ? "newt".utf8 : "cat".utf8)
            try writer.write(index: position, probability: 0.5, name: name.span.bytes)
        }
        let refusal = ClassificationAnswer.encodeBinaryResponse(refusal: .overLimit, layout: layout)
        return [answer.withBytes { Array($0) }, refusal.withBytes { Array($0) }]
    }

    /// A request of indeterminate length: a field, two chunks, no trailer.
    private static let chunked: [UInt8] =
        [2, 4] + Array("POST".utf8) + [5] + Array("https".utf8)
        + [0, 1, 0x2F, 1, 0x61, 1, 0x62, 0, 2, 1, 2, 1, 3, 0, 0]

    private static func sealedPart() throws -> [UInt8] {
        guard let modelKey = ChannelTargets.modelKey else { return [] }
        return try SealedPart.seal(
            [UInt8](repeating: 5, count: 150).span.bytes, as: .frontNet, modelKey: modelKey,
            context: ChannelTargets.context, chunkByteCount: 64, seed: [UInt8](repeating: 6, count: 32))
    }

    /// As the layout of ``ProvisioningMessage`` says, with a signature of zeros.
    private static func provisioningPlaintext(auditing: Bool = false) -> [UInt8] {
        var writer = ByteWriter()
        writer.write(auditing ? ProvisioningMessage.auditVersion : ProvisioningMessage.version)
        writer.write(UInt64(7))
        writer.write(UInt32(3600))
        // Model key, manifest digest, epoch, digest of the keys.
        for count in [32, 32, 16, 32] { writer.write(bytes: [UInt8](repeating: UInt8(count), count: count)) }
        writer.write(UInt32(4))
        if auditing { for value in [50_000, 10_000, 3] { writer.write(UInt32(value)) } }
        writer.write(UInt32(2))
        for token in [UInt8(1), 2] {
            writer.write(bytes: [UInt8](repeating: token, count: 32))
            writer.write(UInt64(1000))
            writer.write(UInt32(60))
        }
        writer.write(bytes: [UInt8](repeating: 0, count: 64))
        return writer.bytes
    }
}
