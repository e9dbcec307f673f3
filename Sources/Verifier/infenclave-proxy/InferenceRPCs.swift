// SPDX-License-Identifier: Apache-2.0
import GRPCCore
import InferenceProxy
import OpenInference
import OpenInferenceMessages
import ProxyCommand
import SwiftProtobuf

/// The six calls of `inference.GRPCInferenceService`.
///
/// - Source: Open Inference Protocol, `inference_grpc.md`.
struct InferenceRPCs: RegistrableRPCService {
    private let parts: ProxyRun.Parts

    init(_ parts: ProxyRun.Parts) { self.parts = parts }

    func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
        let parts = parts
        register("ServerLive", &router) { (_: Inference_ServerLiveRequest) in
            Inference_ServerLiveResponse.with { $0.live = true }
        }
        register("ServerReady", &router) { (_: Inference_ServerReadyRequest) in
            Inference_ServerReadyResponse.with { $0.ready = parts.service.readiness == .ready }
        }
        register("ModelReady", &router) { (request: Inference_ModelReadyRequest) in
            do {
                try await parts.service.checkReadiness(of: request.name, version: request.version)
            } catch let error as OpenInferenceError where error.code == .unavailable {
                return Inference_ModelReadyResponse.with { $0.ready = false }
            }
            return Inference_ModelReadyResponse.with { $0.ready = true }
        }
        register("ServerMetadata", &router) { (_: Inference_ServerMetadataRequest) in
            let metadata = parts.service.metadata
            return Inference_ServerMetadataResponse.with {
                ($0.name, $0.version, $0.extensions) = (metadata.name, metadata.version, metadata.extensions)
            }
        }
        register("ModelMetadata", &router) { (request: Inference_ModelMetadataRequest) in
            Inference_ModelMetadataResponse(
                try await parts.service.metadata(of: request.name, version: request.version))
        }
        registerEncoded("ModelInfer", &router) { (message: [UInt8]) in
            // The memory is reserved before the message is decoded.
            try await parts.budget.holding(try InferenceMessage.decodedByteCount(of: message)) {
                let request: Inference_ModelInferRequest = try ProtobufCoding.decode(message)
                return Inference_ModelInferResponse(
                    try await parts.service.infer(
                        try InferenceRequest(request), model: request.modelName, version: request.modelVersion))
            }
        }
    }

    /// The limit on a message without a tensor.
    private static let maximumShortMessageBytes = 1 << 16
    /// The time limit for the arrival of a message, the same as for a body of REST.
    private static let messageTime = RESTServer.Limits().bodyTime

    /// A call whose message has no tensors.

    private func register<Input: SwiftProtobuf.Message, Output: SwiftProtobuf.Message>(
        _ name: String, _ router: inout RPCRouter<some ServerTransport>,
        _ answer: @escaping @Sendable (Input) async throws -> Output
    ) {
        registerEncoded(name, &router) { message in
            guard message.count <= Self.maximumShortMessageBytes else {
                throw OpenInferenceError(.tooLarge, "the message is over \(Self.maximumShortMessageBytes) bytes")
            }
            return try await answer(try ProtobufCoding.decode(message))
        }
    }

    private func registerEncoded<Output: SwiftProtobuf.Message>(
        _ name: String, _ router: inout RPCRouter<some ServerTransport>,
        _ answer: @escaping @Sendable ([UInt8]) async throws -> Output
    ) {
        let access = parts.access
        router.registerHandler(
            forMethod: MethodDescriptor(fullyQualifiedService: "inference.GRPCInferenceService", method: name),
            deserializer: EncodedMessage(), serializer: ProtobufSerializer<Output>()
        ) { stream, _ in
            do {
                // Access is checked before the message is read. A browser cannot make gRPC calls, so `host` and
                // `origin` need no check.
                try access.check(
                    authorization: stream.metadata[stringValues: "authorization"].first { _ in true },
                    host: "localhost", origin: nil)
                let late = OpenInferenceError(
                    .timedOut, "the message did not arrive within \(Self.messageTime); send it again")
                let message = try await within(Self.messageTime, else: late) {
                    try await ServerRequest(stream: stream).message
                }
                return StreamingServerResponse(single: ServerResponse(message: try await answer(message)))
            } catch let error as OpenInferenceError {
                throw RPCError(error)
            }
        }
    }
}

extension RPCError {
    fileprivate init(_ error: OpenInferenceError) {
        let code: Code =
            switch error.code {
            case .invalidArgument: .invalidArgument
            case .unauthenticated: .unauthenticated
            case .permissionDenied: .permissionDenied
            case .notFound: .notFound
            case .resourceExhausted, .tooLarge: .resourceExhausted
            case .timedOut: .deadlineExceeded
            case .unimplemented, .wrongMethod: .unimplemented
            case .internalFault: .internalError
            case .unavailable: .unavailable
            }
        self.init(code: code, message: error.message)
    }
}
