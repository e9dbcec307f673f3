import Evidence
import Foundation
import HTTPTypes
import HostCore
import Hummingbird
import NIOCore
import Wire

/// The host's HTTP interface (`Documentation/protocol.md`). Bodies pass through unread: the host could not read them.
struct Routes: Sendable {
    /// A sealed request of the largest image that the enclave takes.
    static let maximumMessageBytes = FrameLimits.maximumMessageBytes
    /// The owner's message with as many tokens as an enclave takes.
    private static let maximumProvisioningBytes = 4096 + 32 * 65_536

    let host: EnclaveHost

    func router() -> Router<BasicRequestContext> {
        let router = Router()
        router.get("/.well-known/infenclave/evidence", use: evidence)
        router.get("/ohttp-keys", use: keyConfiguration)
        router.post("/provision", use: provision)
        router.post("/ohttp", use: answer)
        router.get("/health/live") { _, _ in Response(status: .ok) }
        router.get("/health/ready", use: readiness)
        router.get("/metrics") { _, _ in
            Response(
                status: .ok, headers: [.contentType: "text/plain; version=0.0.4"],
                body: .init(byteBuffer: ByteBuffer(string: host.metrics.text)))
        }
        return router
    }

    @Sendable private func evidence(_ request: Request, _: BasicRequestContext) async -> Response {
        guard let nonce = request.uri.queryParameters["nonce"].flatMap({ bytes(hexadecimal: String($0)) }),
            ReportTranscript.nonceByteCounts.contains(nonce.count)
        else {
            return refusal(
                .badRequest, "malformed", "the query needs a nonce of 16 to 64 bytes in hexadecimal",
                remedy: "GET /.well-known/infenclave/evidence?nonce=HEX")
        }
        do throws(HostError) {
            let document = try await host.evidence(nonce: nonce)
            guard let json = try? document.json() else {
                return refusal(.internalServerError, "internalFault", "the evidence is larger than readers accept")
            }
            return response(json, type: "application/json")
        } catch { return refusal(for: error) }
    }

    /// The key configuration alone, for standard OHTTP clients (RFC 9458, section 3). It proves nothing without evidence.
    @Sendable private func keyConfiguration(_: Request, _: BasicRequestContext) async -> Response {
        var generator = SystemRandomNumberGenerator()
        let nonce = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        do throws(HostError) {
            return response(try await host.evidence(nonce: nonce).keyConfiguration, type: "application/ohttp-keys")
        } catch { return refusal(for: error) }
    }

    @Sendable private func provision(_ request: Request, _: BasicRequestContext) async -> Response {
        guard let message = await body(of: request, maximumBytes: Self.maximumProvisioningBytes) else {
            return tooLarge
        }
        do throws(HostError) {
            try await host.provision(message)
            return response(Array(#"{"state":"ready"}"#.utf8), type: "application/json")
        } catch { return refusal(for: error) }
    }

    @Sendable private func answer(_ request: Request, _: BasicRequestContext) async -> Response {
        guard request.headers[.contentType] == "message/ohttp-req" else {
            return refusal(
                .unsupportedMediaType, "malformed", "expected the content type message/ohttp-req",
                remedy: "seal requests as RFC 9458 says, or use the infenclave client")
        }
        do throws(HostError) {
            // Admitted before the body is read, so that waiting bodies are bounded, too.
            try await host.admit()
        } catch { return refusal(for: error) }
        let answer = await admittedAnswer(request)
        await host.release()
        return answer
    }

    private func admittedAnswer(_ request: Request) async -> Response {
        guard let message = await body(of: request, maximumBytes: Self.maximumMessageBytes) else { return tooLarge }
        do throws(HostError) {
            return response(try await host.answer(message), type: "message/ohttp-res")
        } catch { return refusal(for: error) }
    }

    @Sendable private func readiness(_: Request, _: BasicRequestContext) async -> Response {
        let state = await host.state
        let body = ByteBuffer(string: #"{"state":"\#(state.rawValue)"}"#)
        return Response(
            status: state == .ready ? .ok : .serviceUnavailable, headers: [.contentType: "application/json"],
            body: .init(byteBuffer: body))
    }

    private func body(of request: Request, maximumBytes: Int) async -> [UInt8]? {
        guard let buffer = try? await request.body.collect(upTo: maximumBytes) else { return nil }
        return Array(buffer.readableBytesView)
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
