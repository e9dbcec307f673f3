public import Attestation
import BundleFormat
import Evidence
import Foundation
import SealedChannel
import StrictJSON

/// Talks to a model that is served by Infenclave, after verifying what serves it.
///
/// ```swift
/// let client = try InfenclaveClient(server: "http://127.0.0.1:8080", policy: policy)
/// let session = try await client.attest()
/// let answer = try await session.classify(try Image(contentsOf: "cat.jpg"), token: token)
/// ```
public struct InfenclaveClient: Sendable {
    private let transport: HTTPTransport
    private let appraiser: Appraiser
    private let collateral: CollateralSources
    private let roots: TrustedRoots

    /// - Parameters:
    ///   - server: `http://HOST:PORT` or `https://HOST:PORT`.
    ///   - policy: What is demanded of the enclave.
    ///   - development: Evidence of the development TEE is refused unless it is accepted here by name and the policy
    ///     names it too.
    ///   - collateral: The client's own, which takes the place of what the server sends. SGX and TDX need it.
    ///   - roots: Where chains have to end.
    /// - Throws: ``ClientError`` `.invalidConfiguration`.
    public init(
        server: String, policy: Policy, development: DevelopmentTEE = .refuse,
        collateral: CollateralSources = CollateralSources(), roots: TrustedRoots = .vendors
    ) throws(ClientError) {
        transport = try HTTPTransport(server: server)
        self.collateral = collateral
        self.roots = roots
        appraiser = Appraiser(policy: policy, development: development)
    }

    private static let nonceByteCount = 32

    /// Whether the server says that its enclave serves. Nothing vouches for it: it only tells whether to look.
    ///
    /// - Throws: ``ClientError`` `.unreachable`.
    package func saysReady() async throws(ClientError) -> Bool {
        try await transport.get("/health/ready", query: "", maximumBytes: 1 << 16).status == 200
    }

    /// Fetches evidence over a fresh nonce and appraises it.
    ///
    /// - Parameters:
    ///   - time: When certificates and collateral must be valid; now, unless a test says otherwise.
    ///   - seenBefore: ``Claims/collateral`` of earlier verdicts: what is older is refused.
    /// - Returns: A session with the verified enclave.
    /// - Throws: ``ClientError``: `.attestationRejected` with the verdict, or a failure of the server.
    public func attest(
        at time: Timestamp? = nil, seenBefore: [String: CollateralRecord] = [:]
    ) async throws(ClientError) -> EnclaveSession {
        var generator = SystemRandomNumberGenerator()
        let nonce = (0..<Self.nonceByteCount).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        let digits = nonce.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        let response = try await transport.get(
            "/.well-known/infenclave/evidence", query: "nonce=\(digits)", maximumBytes: EvidenceDocument.maximumBytes)
        try Refusal.check(response)
        let document: EvidenceDocument
        do throws(EvidenceError) { document = try EvidenceDocument(json: response.body) } catch {
            throw ClientError(.invalidResponse, "the server's evidence document: \(error.message)")
        }
        let now = time ?? Timestamp(secondsSince1970: Int64(Date().timeIntervalSince1970))
        let own: [CollateralRole: [UInt8]]
        if appraiser.policy.tee.contains(document.tee) {
            own = try await collateral.collateral(for: document.evidence, of: document.tee)
        } else {
            own = [:]
        }
        let peer: VerifiedPeer
        do throws(AttestationError) {
            peer = try appraiser.verify(
                document, nonce: nonce, at: now, collateral: own, roots: roots, seenBefore: seenBefore)
        } catch {
            throw ClientError(
                .attestationRejected, error.message,
                remedy: "send nothing to this server until the policy and the evidence agree", verdict: error.verdict)
        }
        return try EnclaveSession(peer: peer, transport: transport)
    }
}

/// A refusal by the host, `{"error":{"code","message","remedy"}}`. The host is not trusted: its words are shown, and
/// nothing rests on them.
enum Refusal {
    private struct Body: Decodable {
        struct Error: Decodable { let code, message, remedy: String }
        let error: Error
    }

    static func check(_ response: HTTPTransport.Response) throws(ClientError) {
        guard response.status != 200 else { return }
        guard let refusal = try? Body(strictlyDecoding: response.body, name: "the refusal").error else {
            throw ClientError(
                .invalidResponse, "the server answered with HTTP status \(response.status)",
                remedy: "check that the address is that of `infenclave serve`")
        }
        throw ClientError(
            .refused, "the server refused: \(refusal.message.prefix(300))", remedy: String(refusal.remedy.prefix(300)),
            refusal: String(refusal.code.prefix(64)))
    }
}
