// SPDX-License-Identifier: Apache-2.0
import Foundation
import HTTPTypes
import HostCore
import Hummingbird
import NIOCore

/// The routes for operators.
struct AdminRoutes: HTTPResponder {
    typealias Context = ClientContext

    let models: ModelRegistry
    /// The connections of the listener for clients.
    let registry: ConnectionRegistry
    /// Versions of this program and its components, by name.
    let build: [(String, String)]
    let traces: (any TraceSink)?

    @Sendable func respond(to request: Request, context: Context) async -> Response {
        let target = Target(request.head, for: .operators, in: models)
        return switch target?.endpoint {
        case .live: Response(status: .ok)
        case .ready: await readiness(of: target?.model)
        case .metrics:
            Response(
                status: .ok, headers: [.contentType: "text/plain; version=0.0.4"],
                body: .init(byteBuffer: ByteBuffer(string: await metrics())))
        default: Refusal.notFound.response
        }
    }

    private func metrics() async -> String {
        var text = MetricsText()
        text.add("build_info", .gauge, "What runs here; always 1.", [(build, 1)])
        text.add(HostProcess.metricsText)
        text.add(await models.metricsText)
        text.add(registry.metricsText)
        if let traces { text.add(traces.metricsText) }
        return text.text
    }

    /// - Parameter model: `nil` for all models together.
    private func readiness(of model: ServedModel?) async -> Response {
        struct Body: Encodable { let state: String, reason: String? }
        let readiness = if let model { await model.readiness } else { await models.readiness }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let json = try? encoder.encode(Body(state: readiness.state.rawValue, reason: readiness.reason))
        return Response(
            status: readiness.state == .ready ? .ok : .serviceUnavailable,
            headers: [.contentType: "application/json"],
            body: .init(byteBuffer: ByteBuffer(bytes: json ?? Data())))
    }
}
