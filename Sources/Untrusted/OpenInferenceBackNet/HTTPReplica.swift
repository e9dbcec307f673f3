// SPDX-License-Identifier: Apache-2.0
package import EngineMessages
import HTTPCalls
import HostCore
import ModelGraph
import NIOCore
import NIOHTTP1
import StrictJSON
import Synchronization
package import Tensors

/// An engine that speaks the REST form of the Open Inference Protocol.
///
/// Tensors are sent in binary form. If an engine refuses the first request, it is repeated in JSON, and if that works,
/// all requests use JSON until one is refused: servers do not report reliably which form they accept.
package final class HTTPReplica: EngineReplica {
    package let name: String
    private let address: EngineAddress
    private let signature: BackNetSignature
    private let client: HTTPClient
    /// `nil` until one has worked, and after one that worked was refused.
    private let form = Mutex<InferRequest.Form?>(nil)
    /// The size of an answer: the outputs in JSON, and its other members.
    private let maximumAnswerBytes: Int

    /// The longest text that engines write for an f32, with separators.
    private static let bytesPerNumber = 32

    package init(_ address: EngineAddress, signature: BackNetSignature) {
        name = address.description
        self.address = address
        self.signature = signature
        client = HTTPClient(host: address.host, port: address.port)
        let elements = signature.outputs.reduce(0) { $0 + $1.type.shape.elementCount }
        maximumAnswerBytes = 1 << 20 + elements * Self.bytesPerNumber
    }

    package func infer(_ inputs: [Tensor], within time: Duration) async throws(EngineError) -> [Tensor] {
        let end = ContinuousClock.now + time
        if let form = form.withLock({ $0 }) {
            do throws(EngineError) { return try await infer(inputs, in: form, by: end) } catch {
                // Another engine may have taken over the address: the next request learns again.
                if error.code == .refused || error.code == .malformedAnswer { self.form.withLock { $0 = nil } }
                throw error
            }
        }
        do throws(EngineError) { return try await learn(.binary, inputs, by: end) } catch {
            guard error.code == .refused || error.code == .malformedAnswer else { throw error }
            return try await learn(.json, inputs, by: end)
        }
    }

    private func learn(
        _ form: InferRequest.Form, _ inputs: [Tensor], by end: ContinuousClock.Instant
    ) async throws(EngineError) -> [Tensor] {
        let outputs = try await infer(inputs, in: form, by: end)
        self.form.withLock { $0 = $0 ?? form }
        return outputs
    }

    /// The form of tensors that it accepts; `nil` before it accepted any.
    package var learnedForm: InferRequest.Form? { form.withLock { $0 } }

    private func infer(
        _ inputs: [Tensor], in form: InferRequest.Form, by end: ContinuousClock.Instant
    ) async throws(EngineError) -> [Tensor] {
        let request = try InferRequest(inputs, for: signature, in: form)
        var headers: HTTPHeaders = ["content-type": request.contentType]
        if let bytes = request.jsonBytes { headers.add(name: "inference-header-content-length", value: "\(bytes)") }
        // The host's own identifiers, so that the engine's spans are children of the host's; none comes from a client.
        if let trace = RequestTrace.current { headers.add(name: "traceparent", value: trace.traceParent) }
        let answer = try await send(
            .POST, "/infer", headers, ByteBuffer(bytes: request.body), within: end - .now)
        guard answer.status == 200 else { throw refusal(answer, sent: request.body.count) }
        var jsonBytes: Int?
        if let header = answer.headers.first(name: "inference-header-content-length") {
            // A value that is not a number exceeds every length.
            jsonBytes = Int(header) ?? .max
        }
        return try InferResponse.outputs(
            from: Array(answer.body.readableBytesView), jsonBytes: jsonBytes, model: address.model,
            signature: signature)
    }

    package func checkReady(within time: Duration) async throws(EngineError) {
        let answer = try await send(.GET, "/ready", [:], nil, within: time)
        guard answer.status == 200 else {
            throw EngineError(
                .notReady, "it says that '\(address.model)' is not ready (HTTP \(answer.status))",
                remedy: "wait until the engine has loaded it, or load it")
        }
    }

    /// - Parameter path: The path after the model's own.
    private func send(
        _ method: HTTPMethod, _ path: String, _ headers: HTTPHeaders, _ body: ByteBuffer?, within time: Duration
    ) async throws(EngineError) -> HTTPAnswer {
        var headers = headers
        headers.add(name: "host", value: address.authority)
        headers.add(name: "user-agent", value: "infenclave")
        if let body { headers.add(name: "content-length", value: "\(body.readableBytes)") }
        let head = HTTPRequestHead(
            version: .http1_1, method: method, uri: "\(address.prefix)/v2/models/\(address.model)\(path)",
            headers: headers)
        do {
            return try await client.send(head, body, maximumBytes: maximumAnswerBytes, within: time)
        } catch { throw Self.error(error, within: time) }
    }

    private static func error(_ error: any Error, within time: Duration) -> EngineError {
        switch error {
        case HTTPFault.late:
            EngineError(
                .timedOut, "no answer within \(time.formatted)",
                remedy: "give it more processors or replicas, or more time by --backnet-timeout")
        case HTTPFault.tooLarge(let limit):
            EngineError(
                .tooLarge, "its answer is over \(limit) bytes", remedy: BackNetSignature.deploy)
        case HTTPFault.noHTTP(let reason):
            EngineError(
                .malformedAnswer, "its answer is not HTTP/1.1: \(EngineError.excerpt(reason))",
                remedy: "check address and port; gRPC has a separate port")
        case HTTPFault.closedBeforeAnswer, HTTPFault.closedWithinAnswer:
            EngineError(.unreachable, "the connection broke", remedy: "look into the engine's log, or start it again")
        default:
            EngineError(
                .unreachable, "it cannot be connected to: \(EngineError.excerpt("\(error)"))",
                remedy: "start it, or check address and port")
        }
    }

    private func refusal(_ answer: HTTPAnswer, sent bytes: Int) -> EngineError {
        let reason = Self.reason(Array(answer.body.readableBytesView.prefix(1 << 16)))
        let what = "it refused with HTTP \(answer.status)\(reason.isEmpty ? "" : ": \(EngineError.excerpt(reason))")"
        return switch answer.status {
        case 413:
            EngineError(
                .tooLarge, "\(what), for a request of \(bytes) bytes",
                remedy: "raise the engine's limit on messages to \(bytes) bytes or more")
        case 404: EngineError(.refused, what, remedy: BackNetSignature.deploy)
        case 429, 502, 503, 504:
            EngineError(.notReady, what, remedy: "give it more replicas, or wait until it has loaded")
        default: EngineError(.refused, what, remedy: "look into the engine's log")
        }
    }

    /// The message in a refusal's body: `{"error": …}` as in the protocol, or `{"detail": …}`.
    private static func reason(_ body: [UInt8]) -> String {
        guard let members = try? JSONText(body, name: "error").object().members else {
            return String(decoding: body.prefix(200), as: UTF8.self)
        }
        let text = members["error"] ?? members["detail"]
        return text.flatMap { (try? $0.string()) ?? String(decoding: $0.bytes.prefix(200), as: UTF8.self) } ?? ""
    }
}

extension Duration {
    /// The duration in seconds, rounded to tenths.
    package var formatted: String { "\((self / .milliseconds(100)).rounded() / 10) s" }
}
