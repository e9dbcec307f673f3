import Evidence
import Foundation
import HTTPTypes
import HostCore
import Hummingbird
import NIOCore

/// What the host answers to everybody (`Documentation/protocol.md`). Bodies pass through unread: the host could not
/// read them. They are complete when they come here: see ``RequestGate``.
struct Routes: HTTPResponder {
    typealias Context = BasicRequestContext

    private let host: EnclaveHost
    private let evidence: EvidenceDesk
    private let keys: KeyConfigurationCache
    private let provisionings: Slots

    init(host: EnclaveHost, limits: ServerLimits) {
        self.host = host
        evidence = EvidenceDesk(host: host)
        keys = KeyConfigurationCache(host: host)
        provisionings = Slots(limits.provisioningsAtOnce)
    }

    @Sendable func respond(to request: Request, context: Context) async -> Response {
        switch Endpoint(request.head, for: .everybody) {
        case .live: Response(status: .ok)
        case .ready: Response(status: await host.state == .ready ? .ok : .serviceUnavailable)
        case .evidence: await evidence(for: request)
        case .keyConfiguration: await keyConfiguration()
        case .provision: await provision(request)
        case .sealedRequest: await answer(request)
        case .metrics, nil: Refusal.notFound.response
        }
    }

    private func evidence(for request: Request) async -> Response {
        guard let nonce = request.uri.queryParameters["nonce"].flatMap({ bytes(hexadecimal: String($0)) }),
            ReportTranscript.nonceByteCounts.contains(nonce.count)
        else {
            return Refusal(
                .badRequest, "malformed", "the query needs a nonce of 16 to 64 bytes in hexadecimal",
                remedy: "GET /.well-known/infenclave/evidence?nonce=HEX"
            ).response
        }
        do throws(HostError) {
            let document = try await evidence.evidence(nonce: nonce)
            guard let json = try? document.json() else {
                return Refusal(.internalServerError, "internalFault", "the evidence is larger than readers accept")
                    .response
            }
            return response(json, type: "application/json")
        } catch { return Refusal(error).response }
    }

    /// The key configuration alone, for standard OHTTP clients (RFC 9458, section 3). It proves nothing without evidence.
    private func keyConfiguration() async -> Response {
        do throws(HostError) {
            return response(try await keys.keyConfiguration(), type: "application/ohttp-keys")
        } catch { return Refusal(error).response }
    }

    private func provision(_ request: Request) async -> Response {
        guard provisionings.take() else {
            host.metrics.countRefusal("overloaded")
            return Refusal.overloaded("other provisioning messages wait already").response
        }
        defer { provisionings.give() }
        guard let message = await body(of: request) else { return Refusal.brokenOff.response }
        do throws(HostError) {
            try await host.provision(message)
            return response(Array(#"{"state":"ready"}"#.utf8), type: "application/json")
        } catch { return Refusal(error).response }
    }

    private func answer(_ request: Request) async -> Response {
        let start = ContinuousClock.now
        do throws(HostError) { try await host.admit() } catch { return Refusal(error).response }
        let answer = await admittedAnswer(request, since: start)
        await host.release()
        return answer
    }

    private func admittedAnswer(_ request: Request, since start: ContinuousClock.Instant) async -> Response {
        guard let message = await body(of: request) else { return Refusal.brokenOff.response }
        host.metrics.countAdmission(taking: .now - start)
        do throws(HostError) {
            return response(try await host.answer(message), type: "message/ohttp-res")
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
