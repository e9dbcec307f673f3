// SPDX-License-Identifier: Apache-2.0
package import EngineMessages
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import HostCore
import ModelGraph
import OpenInferenceBackNet
import OpenInferenceMessages
import SwiftProtobuf
package import Tensors

/// An engine that speaks the gRPC form of the Open Inference Protocol, without TLS.
///
/// Source: kserve/open-inference-protocol, `specification/protocol/inference_grpc.md`.
package final class GRPCReplica: EngineReplica {
    package let name: String
    private let model: String
    private let signature: BackNetSignature
    private let client: GRPCClient<HTTP2ClientTransport.Posix>
    private let connections: Task<Void, Never>
    /// The size of an answer: the outputs, and its other members. gRPC's default limit is 4 MiB.
    private let maximumAnswerBytes: Int

    private static let service = "inference.GRPCInferenceService"
    private static let inferMethod = "ModelInfer"

    /// - Throws: ``EngineError`` (`invalidAddress`).
    package init(_ address: EngineAddress, signature: BackNetSignature) throws(EngineError) {
        name = address.description
        model = address.model
        self.signature = signature
        maximumAnswerBytes = 1 << 20 + signature.outputs.reduce(0) { $0 + $1.type.byteCount }
        let config = HTTP2ClientTransport.Posix.Config.defaults { config in
            // The health check finds a restarted engine within a second; gRPC's own backoff grows to two minutes.
            config.backoff.initial = .milliseconds(200)
            config.backoff.max = .seconds(1)
        }
        do {
            client = GRPCClient(
                transport: try HTTP2ClientTransport.Posix(
                    target: .dns(host: address.host, port: address.port), transportSecurity: .plaintext,
                    config: config))
        } catch {
            throw EngineError(
                .invalidAddress, "\(address) cannot be used: \(EngineError.excerpt("\(error)"))",
                remedy: "check host and port")
        }
        connections = Task { [client] in try? await client.runConnections() }
    }

    deinit { connections.cancel() }

    package func infer(_ inputs: [Tensor], within time: Duration) async throws(EngineError) -> [Tensor] {
        let request = try Inference_ModelInferRequest(inputs, for: signature, model: model)
        let answer: Inference_ModelInferResponse = try await call(Self.inferMethod, request, within: time)
        return try answer.tensors(model: model, signature: signature)
    }

    package func checkReady(within time: Duration) async throws(EngineError) {
        let request = Inference_ModelReadyRequest.with { $0.name = model }
        let answer: Inference_ModelReadyResponse = try await call("ModelReady", request, within: time)
        guard answer.ready else {
            throw EngineError(
                .notReady, "it says that '\(model)' is not ready",
                remedy: "wait until the engine has loaded it, or load it")
        }
    }

    private func call<Output: SwiftProtobuf.Message>(
        _ method: String, _ message: some SwiftProtobuf.Message, within time: Duration
    ) async throws(EngineError) -> Output {
        var (sent, answer): ([UInt8], [UInt8]) = ([], [])
        do {
            sent = try message.serializedBytes()
            var options = CallOptions.defaults
            options.timeout = time
            options.waitForReady = false
            options.maxResponseMessageBytes = maximumAnswerBytes
            var metadata: Metadata = [:]
            // The host's own identifiers, so that the engine's spans are children of the host's; none comes from a
            // client.
            if let trace = RequestTrace.current { metadata.addString(trace.traceParent, forKey: "traceparent") }
            answer = try await client.unary(
                request: ClientRequest(message: sent, metadata: metadata),
                descriptor: MethodDescriptor(fullyQualifiedService: Self.service, method: method),
                serializer: MessageBytes(), deserializer: MessageBytes(), options: options
            ) { try $0.message }
        } catch { throw self.error(error, of: method, sent: sent.count, within: time) }
        do { return try Output(serializedBytes: answer) } catch {
            throw EngineError(
                .malformedAnswer, "the answer is no \(Output.protoMessageName)",
                remedy: "check that an engine of the Open Inference Protocol, version 2, is at this address")
        }
    }

    private func error(_ error: any Error, of method: String, sent bytes: Int, within time: Duration) -> EngineError {
        guard let error = error as? RPCError else {
            return EngineError(
                .unreachable, "the call failed: \(EngineError.excerpt("\(error)"))",
                remedy: "look into the engine's log")
        }
        let what = "it refused with \(error.code): \(EngineError.excerpt(error.message))"
        return switch error.code {
        case .deadlineExceeded:
            EngineError(
                .timedOut, "no answer within \(time.formatted)",
                remedy: "give it more processors or replicas, or more time by --backnet-timeout")
        case .unavailable, .cancelled:
            // An engine whose queue is full answers so as well. The next check tells the two apart.
            EngineError(
                method == Self.inferMethod ? .notReady : .unreachable,
                "it cannot be reached, or refuses for now: \(EngineError.excerpt(error.message))",
                remedy: "start it, or check address and port; HTTP has a separate port")
        case .resourceExhausted:
            EngineError(
                .tooLarge, "\(what), for a request of \(bytes) bytes and an answer of at most \(maximumAnswerBytes)",
                remedy: "raise the engine's limit on messages to \(bytes) bytes or more")
        case .notFound: EngineError(.refused, what, remedy: BackNetSignature.deploy)
        case .unimplemented:
            EngineError(
                .malformedAnswer, what,
                remedy: "check that an engine of the Open Inference Protocol, version 2, is at this address")
        default: EngineError(.refused, what, remedy: "look into the engine's log")
        }
    }
}

/// The caller encodes and decodes messages, so that it can report what was wrong with them.
private struct MessageBytes: MessageSerializer, MessageDeserializer {
    func serialize<Bytes: GRPCContiguousBytes>(_ message: [UInt8]) throws -> Bytes { Bytes(message) }

    func deserialize<Bytes: GRPCContiguousBytes>(_ bytes: Bytes) throws -> [UInt8] {
        bytes.withUnsafeBytes { Array($0) }
    }
}
