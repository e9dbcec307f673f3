import HTTPTypes
import HostCore
import Hummingbird
import NIOCore

/// What the host answers to its operators.
struct AdminRoutes: HTTPResponder {
    typealias Context = ClientContext

    let host: EnclaveHost
    /// Of the listener for everybody.
    let registry: ConnectionRegistry

    @Sendable func respond(to request: Request, context: Context) async -> Response {
        switch Endpoint(request.head, for: .operators) {
        case .live: Response(status: .ok)
        case .ready: await readiness()
        case .metrics:
            Response(
                status: .ok, headers: [.contentType: "text/plain; version=0.0.4"],
                body: .init(byteBuffer: ByteBuffer(string: host.metrics.text + registry.metricsText)))
        default: Refusal.notFound.response
        }
    }

    private func readiness() async -> Response {
        let state = await host.state
        let body = ByteBuffer(string: #"{"state":"\#(state.rawValue)"}"#)
        return Response(
            status: state == .ready ? .ok : .serviceUnavailable, headers: [.contentType: "application/json"],
            body: .init(byteBuffer: body))
    }
}
