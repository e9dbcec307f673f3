import BundleFormat
import Evidence
import Foundation
import HTTPTypes
import HostCore
import Hummingbird
import NIOCore

/// What the host answers to everybody (`Documentation/protocol.md`). Bodies pass through unread: the host could not
/// read them. They are complete when they come here: see ``RequestGate``.
struct Routes: HTTPResponder {
    typealias Context = ClientContext

    /// What is in front of one enclave.
    private struct Desk {
        let host: EnclaveHost
        let model: String
        let evidence: EvidenceDesk
        let keys: KeyConfigurationCache
        let provisionings: Slots

        init(_ host: EnclaveHost, model: String, _ limits: ServerLimits) {
            self.host = host
            self.model = model
            // An operator who lets one address have all connections says that it is a proxy's.
            evidence = EvidenceDesk(
                host: host, limitsAddresses: limits.connectionsPerAddress < limits.connections)
            keys = KeyConfigurationCache(host: host)
            provisionings = Slots(limits.provisioningsAtOnce)
        }
    }

    private let models: ModelRegistry
    private let desks: [String: Desk]
    private let registry: ConnectionRegistry
    private let origins: AllowedOrigins
    private let traces: (any TraceSink)?

    init(
        models: ModelRegistry, limits: ServerLimits, registry: ConnectionRegistry, origins: AllowedOrigins,
        traces: (any TraceSink)?
    ) {
        self.traces = traces
        self.models = models
        self.registry = registry
        self.origins = origins
        desks = Dictionary(uniqueKeysWithValues: models.models.map { ($0.name, Desk($0.host, model: $0.name, limits)) })
    }

    @Sendable func respond(to request: Request, context: Context) async -> Response {
        if let preflight = origins.preflight(request.head, in: models) {
            return Response(status: .noContent, headers: preflight)
        }
        guard let target = Target(request.head, for: .everybody, in: models) else { return Refusal.notFound.response }
        if target.endpoint == .live { return Response(status: .ok) }
        if target.endpoint == .ready {
            let readiness = await target.model?.host.readiness
            let state = if let readiness { readiness.state } else { await models.readiness.state }
            return Response(status: state == .ready ? .ok : .serviceUnavailable)
        }
        guard let desk = target.model.flatMap({ desks[$0.name] }) else { return Refusal.notFound.response }
        return switch target.endpoint {
        case .evidence: await evidence(for: request, from: context.address, at: desk)
        case .keyConfiguration: await keyConfiguration(at: desk)
        case .provision: await provision(request, at: desk)
        case .sealedRequest: await answer(request, at: desk, unless: context.channel)
        case .live, .ready, .metrics: Refusal.notFound.response
        }
    }

    private func evidence(for request: Request, from address: ClientAddress, at desk: Desk) async -> Response {
        guard let nonce = request.uri.queryParameters["nonce"].flatMap({ bytes(hexadecimal: String($0)) }),
            ReportTranscript.nonceByteCounts.contains(nonce.count)
        else {
            return Refusal(
                .badRequest, "malformed", "the query needs a nonce of 16 to 64 bytes in hexadecimal",
                remedy: "GET /.well-known/infenclave/evidence?nonce=HEX"
            ).response
        }
        do throws(HostError) {
            let document = try await desk.evidence.evidence(nonce: nonce, for: address)
            guard let json = try? document.json() else {
                return Refusal(.internalServerError, "internalFault", "the evidence is larger than readers accept")
                    .response
            }
            return response(json, type: "application/json")
        } catch { return Refusal(error).response }
    }

    /// The key configuration alone, for standard OHTTP clients (RFC 9458, section 3). It proves nothing without evidence.
    private func keyConfiguration(at desk: Desk) async -> Response {
        do throws(HostError) {
            return response(try await desk.keys.keyConfiguration(), type: "application/ohttp-keys")
        } catch { return Refusal(error).response }
    }

    private func provision(_ request: Request, at desk: Desk) async -> Response {
        guard desk.provisionings.take() else {
            desk.host.metrics.countRefusal("overloaded")
            return Refusal.overloaded("other provisioning messages wait already").response
        }
        defer { desk.provisionings.give() }
        guard let message = await body(of: request) else { return Refusal.brokenOff.response }
        do throws(HostError) {
            let statistics = try await desk.host.provision(message)
            let more = statistics.isEmpty ? "" : #","statistics":"\#(Data(statistics).base64EncodedString())""#
            return response(Array(#"{"state":"ready"\#(more)}"#.utf8), type: "application/json")
        } catch { return Refusal(error).response }
    }

    /// - Parameter channel: When it closes first, nobody waits for the answer any more.
    private func answer(_ request: Request, at desk: Desk, unless channel: any Channel) async -> Response {
        let start = ContinuousClock.now
        do throws(HostError) { try await desk.host.admit() } catch { return Refusal(error).response }
        let trace = traces.map { _ in RequestTrace(at: start) }
        let work = Task {
            await RequestTrace.$current.withValue(trace) { await admittedAnswer(request, at: desk, since: start) }
        }
        registry.onClose(of: channel) { work.cancel() }
        let answer = await withTaskCancellationHandler {
            await work.value
        } onCancel: {
            work.cancel()
        }
        registry.onClose(of: channel, nil)
        await desk.host.release()
        if let trace {
            traces?.take(
                trace, request: request.headers[.requestIdentifier] ?? "", model: desk.model,
                status: answer.status.code, code: answer.headers[.errorCode], took: .now - start)
        }
        return answer
    }

    private func admittedAnswer(_ request: Request, at desk: Desk, since start: ContinuousClock.Instant) async
        -> Response
    {
        guard let message = await body(of: request) else { return Refusal.brokenOff.response }
        do throws(HostError) {
            return response(try await desk.host.answer(message, since: start), type: "message/ohttp-res")
        } catch { return Refusal(error).response }
    }

    /// - Returns: `nil` when the connection broke off.
    private func body(of request: Request) async -> [UInt8]? {
        var bytes: [UInt8] = []
        do { for try await part in request.body { bytes += part.readableBytesView } } catch { return nil }
        return bytes
    }

    private func bytes(hexadecimal text: String) -> [UInt8]? {
        let digits = text.utf8.map { Character(UnicodeScalar($0)).hexDigitValue }
        guard digits.count % 2 == 0, digits.count <= 256 else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = digits[index], let low = digits[index + 1] else { return nil }
            bytes.append(UInt8(16 * high + low))
        }
        return bytes
    }

    private func response(_ bytes: [UInt8], type: String) -> Response {
        Response(
            status: .ok, headers: [.contentType: type, .cacheControl: "no-store"],
            body: .init(byteBuffer: ByteBuffer(bytes: bytes)))
    }
}
