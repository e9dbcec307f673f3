import Foundation
import HTTPTypes
import HostCore
import Hummingbird
import NIOCore

/// What the host answers to its operators.
struct AdminRoutes: HTTPResponder {
    typealias Context = BasicRequestContext

    let host: EnclaveHost
    /// Of the listener for everybody.
    let registry: ConnectionRegistry
    /// The version of this program and others that matter, by name.
    let build: [(String, String)]

    @Sendable func respond(to request: Request, context: Context) async -> Response {
        switch Endpoint(request.head, for: .operators) {
        case .live: Response(status: .ok)
        case .ready: await readiness()
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
        return await text.text + host.metricsText + registry.metricsText
    }

    private func readiness() async -> Response {
        struct Body: Encodable { let state: String, reason: String? }
        let readiness = await host.readiness
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let json = try? encoder.encode(Body(state: readiness.state.rawValue, reason: readiness.reason))
        return Response(
            status: readiness.state == .ready ? .ok : .serviceUnavailable,
            headers: [.contentType: "application/json"],
            body: .init(byteBuffer: ByteBuffer(bytes: json ?? Data())))
    }
}
