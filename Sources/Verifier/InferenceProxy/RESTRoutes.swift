// SPDX-License-Identifier: Apache-2.0
import HTTPTypes
import Hummingbird
import NIOCore
import OpenInference

/// The REST form of the Open Inference Protocol.
///
/// - Source: Open Inference Protocol, `inference_rest.md`; Triton's binary tensor data and classification extensions.
struct RESTRoutes: HTTPResponder {
    typealias Context = BasicRequestContext

    let service: InferenceService
    let access: AccessRule
    let budget: RequestBudget
    /// How long a body may take to arrive.
    let bodyTime: Duration
    /// The console page; `nil` for a proxy without one.
    let console: ConsoleRoutes?

    /// The server's own limit on a message, and room for the JSON around it.
    static let maximumBodyBytes = (16 << 20) + (1 << 20)
    private static let headerLength = HTTPField.Name("Inference-Header-Content-Length")

    @Sendable func respond(to request: Request, context: Context) async -> Response {
        do {
            return try await answer(request)
        } catch let error as OpenInferenceError {
            return Self.refusal(error)
        } catch is CancellationError {
            return Self.refusal(OpenInferenceError(.unavailable, "the proxy is stopping"))
        } catch {
            return Self.refusal(OpenInferenceError(.internalFault, "an unexpected failure: \(type(of: error))"))
        }
    }

    private func answer(_ request: Request) async throws -> Response {
        if let answer = try await console?.answer(request) { return answer }
        try access.check(
            authorization: request.headers[.authorization], host: request.head.authority,
            origin: request.headers[.origin])
        guard let path = RESTPath(request.uri.path) else {
            throw OpenInferenceError(.notFound, "no such path; the protocol's paths begin with /v2")
        }
        guard request.method.rawValue == path.method || (path.method == "GET" && request.method == .head) else {
            throw OpenInferenceError(
                .wrongMethod, "\(request.method.rawValue) is not for this path; use \(path.method)")
        }
        switch path {
        case .live: return try Self.json(Health(live: true))
        case .ready:
            switch service.readiness {
            case .ready: return try Self.json(Health(ready: true))
            case .notReady(let reason): return try Self.json(Health(ready: false, error: reason), .serviceUnavailable)
            }
        case .server: return try Self.json(service.metadata)
        case .model(let name, let version):
            return try Self.json(try await service.metadata(of: name, version: version))
        case .modelReady(let name, let version):
            do {
                try await service.checkReadiness(of: name, version: version)
                return try Self.json(Health(name: name, ready: true))
            } catch let error as OpenInferenceError where error.code == .unavailable {
                return try Self.json(Health(name: name, ready: false, error: error.message), .serviceUnavailable)
            }
        case .infer(let name, let version): return try await infer(request, name, version)
        }
    }

    private func infer(_ request: Request, _ name: String, _ version: String?) async throws -> Response {
        let declared = request.headers[.contentLength].flatMap { Int($0) }
        guard (declared ?? 0) <= Self.maximumBodyBytes else { throw Self.tooLarge }
        let coding = request.headers[.contentEncoding]
        // Inflating may enlarge a short body up to the limit.
        let inflated = ContentCoding.isNamed(coding) ? Self.maximumBodyBytes : 0
        return try await budget.holding(max(declared ?? Self.maximumBodyBytes, inflated)) {
            let body = try ContentCoding.decode(
                try await request.bytes(
                    declared: declared, atMost: Self.maximumBodyBytes, else: Self.tooLarge, within: bodyTime),
                coding, maximumBytes: Self.maximumBodyBytes)
            let answer =
                switch try Self.form(of: request) {
                case .raw: try await service.infer(rawBody: body, model: name, version: version)
                case .json(let headerByteCount):
                    try await service.infer(
                        try InferenceRequest(body: body, headerByteCount: headerByteCount), model: name,
                        version: version)
                }
            return try Self.response(answer)
        }
    }

    private enum Form {
        /// All of the body is the one input.
        case raw
        case json(headerByteCount: Int?)
    }

    /// Triton's clients send no content type, so none is required. The content type of an image means that the body is
    /// the image.
    private static func form(of request: Request) throws(OpenInferenceError) -> Form {
        if let name = headerLength, let text = request.headers[name] {
            guard let count = Int(text), count >= 0 else {
                throw OpenInferenceError(.invalidArgument, "Inference-Header-Content-Length is no length")
            }
            return count == 0 ? .raw : .json(headerByteCount: count)
        }
        let type = request.headers[.contentType]?.lowercased() ?? ""
        return type.hasPrefix("image/") ? .raw : .json(headerByteCount: nil)
    }

    private static let tooLarge = OpenInferenceError(.tooLarge, "the body is over \(maximumBodyBytes) bytes")

    private static func response(_ answer: InferenceResponse) throws(OpenInferenceError) -> Response {
        let encoded = try answer.encoded()
        var headers: HTTPFields = [.contentType: encoded.contentType]
        if let count = encoded.headerByteCount, let name = headerLength { headers[name] = String(count) }
        return Response(status: .ok, headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: encoded.body)))
    }

    private static func json(
        _ value: some Encodable, _ status: HTTPResponse.Status = .ok
    ) throws(OpenInferenceError) -> Response {
        Response(
            status: status, headers: [.contentType: "application/json"],
            body: .init(byteBuffer: ByteBuffer(bytes: try JSONBody.encode(value))))
    }

    static func refusal(_ error: OpenInferenceError) -> Response {
        var headers: HTTPFields = [.contentType: "application/json"]
        // The rest of the body is not read.
        if error.code == .tooLarge || error.code == .timedOut { headers[.connection] = "close" }
        if error.code == .unauthenticated { headers[.wwwAuthenticate] = "Bearer" }
        return Response(
            status: .init(code: error.httpStatus), headers: headers,
            body: .init(byteBuffer: ByteBuffer(bytes: JSONBody.error(error.message))))
    }

    /// KServe's client reads these members; other clients use the status.
    private struct Health: Encodable {
        var name: String?
        var live: Bool?
        var ready: Bool?
        var error: String?
    }
}
