// SPDX-License-Identifier: Apache-2.0
import BundleFormat
import Evidence
import Foundation
import HTTPTypes
import HostCore
import Hummingbird
import NIOCore
import Synchronization
import Wire

/// The routes for clients (`Documentation/protocol.md`). The host forwards bodies without decoding them; they are
/// encrypted to the enclave. Bodies are complete here: see ``RequestGate``.
final class Routes: HTTPResponder {
    typealias Context = ClientContext

    /// Admission control and caches of one model.
    private final class Desk: Sendable {
        let model: ServedModel
        let evidence: EvidenceDesk
        let keys: KeyConfigurationCache
        /// One for each replica, by slot.
        private let provisionings: [Slots]
        let pipeline: RequestPipeline

        init(_ model: ServedModel, _ limits: ServerLimits) {
            self.model = model
            // If one address may open all connections, it is that of a reverse proxy.
            evidence = EvidenceDesk(
                metrics: model.metrics, limitsAddresses: limits.connectionsPerAddress < limits.connections)
            keys = KeyConfigurationCache(model: model)
            provisionings = KeySlot.all.map { _ in Slots(limits.provisioningsAtOnce) }
            pipeline = RequestPipeline(model, timeout: limits.requestTime)
        }

        func provisionings(of member: EnclavePool.Member) -> Slots { provisionings[Int(member.host.slot.number)] }
    }

    private let models: ModelRegistry
    private let limits: ServerLimits
    private let desks = Mutex<[ObjectIdentifier: Desk]>([:])
    private let registry: ConnectionRegistry
    private let origins: AllowedOrigins
    private let traces: (any TraceSink)?

    init(
        models: ModelRegistry, limits: ServerLimits, registry: ConnectionRegistry, origins: AllowedOrigins,
        traces: (any TraceSink)?
    ) {
        (self.models, self.limits, self.registry) = (models, limits, registry)
        (self.origins, self.traces) = (origins, traces)
    }

    /// A desk retains its model. The next request removes the desk of a model that is no longer served.
    private func desk(of model: ServedModel) -> Desk {
        let served = models.models
        return desks.withLock { desks in
            if desks.count > served.count {
                let identifiers = Set(served.map(ObjectIdentifier.init))
                desks = desks.filter { identifiers.contains($0.key) }
            }
            if let desk = desks[ObjectIdentifier(model)] { return desk }
            let desk = Desk(model, limits)
            desks[ObjectIdentifier(model)] = desk
            return desk
        }
    }

    @Sendable func respond(to request: Request, context: Context) async -> Response {
        if let preflight = origins.preflight(request.head, in: models) {
            return Response(status: .noContent, headers: preflight)
        }
        guard let target = Target(request.head, for: .everybody, in: models) else { return Refusal.notFound.response }
        if target.endpoint == .live { return Response(status: .ok) }
        if target.endpoint == .ready {
            return await withTaskExecutorPreference(globalConcurrentExecutor) {
                await readiness(request, of: target.model)
            }
        }
        guard let model = target.model else { return Refusal.notFound.response }
        let desk = desk(of: model)
        let route = Route(of: request.headers)
        var response =
            if target.endpoint == .sealedRequest {
                await answer(request, at: desk, unless: context.channel)
            } else {
                // Long operations, such as reading a bundle, do not run on an event loop.
                await withTaskExecutorPreference(globalConcurrentExecutor) {
                    switch target.endpoint {
                    case .evidence: await evidence(for: request, from: context.address, by: route, at: desk)
                    case .keyConfiguration: await keyConfiguration(at: desk)
                    case .provision: await provision(request, at: desk)
                    case .sealedRequest, .live, .ready, .metrics: Refusal.notFound.response
                    }
                }
            }
        response.headers[.route] = (route ?? .random()).text
        return response
    }

    /// - Parameter model: `nil` for the default model, or for all models together; the latter has no state of single
    ///   replicas.
    private func readiness(_ request: Request, of model: ServedModel?) async -> Response {
        guard let model = model ?? models[nil] else {
            return Response(status: await models.readiness.state == .ready ? .ok : .serviceUnavailable)
        }
        do throws(Refusal) {
            let address = try ReplicaAddress(request.uri)
            let pool = try address.pool(of: model)
            let isReady =
                if let member = try address.member(of: pool) {
                    await member.host.state == .ready
                } else { await pool.readiness.state == .ready }
            return Response(
                status: isReady ? .ok : .serviceUnavailable, headers: ReplicaAddress.headers(pool, of: model))
        } catch { return error.response }
    }

    private func evidence(
        for request: Request, from address: ClientAddress, by route: Route?, at desk: Desk
    ) async -> Response {
        guard let nonceDigits = request.uri.queryParameters["nonce"],
            nonceDigits.utf8.count <= 2 * ReportTranscript.nonceByteCounts.upperBound,
            let nonce = [UInt8](hex: nonceDigits), ReportTranscript.nonceByteCounts.contains(nonce.count)
        else {
            return Refusal(
                .badRequest, "malformed", "the query needs a nonce of 16 to 64 bytes in hexadecimal",
                remedy: "GET /.well-known/infenclave/evidence?nonce=HEX"
            ).response
        }
        let (pool, member): (EnclavePool, EnclavePool.Member)
        do throws(Refusal) {
            let asked = try ReplicaAddress(request.uri)
            pool = try asked.pool(of: desk.model)
            member = try asked.member(of: pool) ?? pool.member(for: route)
        } catch { return error.response }
        do throws(HostError) {
            let document = try await desk.evidence.evidence(nonce: nonce, of: member, for: address)
            guard let json = try? document.json() else {
                return Refusal(.internalServerError, "internalFault", "the evidence is larger than readers accept")
                    .response
            }
            var response = response(json, type: "application/json")
            response.headers.append(contentsOf: ReplicaAddress.headers(pool, of: desk.model))
            return response
        } catch { return Refusal(error).response }
    }

    /// The key configuration alone, for standard OHTTP clients (RFC 9458, section 3). It proves nothing without evidence.
    private func keyConfiguration(at desk: Desk) async -> Response {
        do throws(HostError) {
            return response(try await desk.keys.keyConfiguration(), type: "application/ohttp-keys")
        } catch { return Refusal(error).response }
    }

    private func provision(_ request: Request, at desk: Desk) async -> Response {
        guard let message = await body(of: request) else { return Refusal.brokenOff.response }
        do throws(HostError) {
            // Sealed like a request: the first byte is the key identifier.
            let (_, member) = try desk.model.member(forKey: message.first)
            let slots = desk.provisionings(of: member)
            guard slots.take() else {
                desk.model.metrics.countRefusal("overloaded")
                throw HostError(.overloaded, "other provisioning messages wait already")
            }
            defer { slots.give() }
            let statistics = try await member.host.provision(message.bytes)
            let more = statistics.isEmpty ? "" : #","statistics":"\#(Data(statistics).base64EncodedString())""#
            return response(Array(#"{"state":"ready"\#(more)}"#.utf8), type: "application/json")
        } catch { return Refusal(error).response }
    }

    /// - Parameter channel: If it closes first, the request is abandoned.
    private func answer(_ request: Request, at desk: Desk, unless channel: any Channel) async -> Response {
        let start = ContinuousClock.now
        guard let message = await body(of: request) else { return Refusal.brokenOff.response }
        let place: RequestPipeline.Place
        do throws(HostError) { place = try desk.pipeline.admit(forKey: message.first, since: start) } catch {
            return Refusal(error).response
        }
        let trace = traces.map { _ in RequestTrace(at: start) }
        let isShort = message.byteCount <= Self.longestOnLoop
        let executor: any TaskExecutor = isShort ? LoopExecutor.of(channel.eventLoop) : globalConcurrentExecutor
        let answer = await withTaskExecutorPreference(executor) {
            await admittedAnswer(message.bytes, at: place, of: desk, trace, on: executor, unless: channel)
        }
        if let trace {
            traces?.take(
                trace, request: request.headers[.requestIdentifier] ?? "", model: desk.model.name,
                status: answer.status.code, code: answer.headers[.errorCode], took: .now - start)
        }
        return answer
    }

    /// Copying longer messages would delay other connections of the event loop.
    private static let longestOnLoop = 1 << 20

    private func admittedAnswer(
        _ message: [UInt8], at place: RequestPipeline.Place, of desk: Desk, _ trace: RequestTrace?,
        on executor: any TaskExecutor, unless channel: any Channel
    ) async -> Response {
        defer { registry.onClose(of: channel, nil) }
        do throws(HostError) {
            let answer = try await desk.pipeline.answer(message, at: place, trace: trace, on: executor) { abandon in
                registry.onClose(of: channel, abandon)
            }
            return response(answer, type: "message/ohttp-res")
        } catch {
            // A client can seal the same request again for another replica at once.
            return Refusal(error, retryAfterSeconds: place.pool.isReady ? 1 : nil).response
        }
    }

    /// - Returns: `nil` if the connection was lost.
    private func body(of request: Request) async -> Body? {
        var parts: [ByteBuffer] = []
        do { for try await part in request.body where part.readableBytes > 0 { parts.append(part) } } catch {
            return nil
        }
        return Body(parts: parts)
    }

    /// Not decoded yet, so that a refused body is not copied.
    private struct Body: Sendable {
        let parts: [ByteBuffer]
        var first: UInt8? { parts.first?.readableBytesView.first }
        var byteCount: Int { parts.reduce(0) { $0 + $1.readableBytes } }
        var bytes: [UInt8] { parts.reduce(into: []) { $0 += $1.readableBytesView } }
    }

    private func response(_ bytes: [UInt8], type: String) -> Response {
        Response(
            status: .ok, headers: [.contentType: type, .cacheControl: "no-store"],
            body: .init(byteBuffer: ByteBuffer(bytes: bytes)))
    }
}
