// SPDX-License-Identifier: Apache-2.0
package import Attestation
public import Evidence
import Foundation

/// A cache of Intel's collateral with the interface of Intel's PCCS (Provisioning Certificate Caching Service) and of
/// its source, version 4. It is not trusted: its data is signed by Intel, and verified like collateral from a server.
///
/// - Source: Intel SGX and TDX Provisioning Certification Service, API version 4.
public struct CollateralCache: Sendable {
    private static let interface = "/sgx/certification/v4"
    /// Real lists and statements have at most some 100 KB.
    private static let maximumBytes = 2 << 20
    private static let maximumChainBytes = 1 << 16
    private static let timeout: Duration = .seconds(20)

    private let server: ServerConnection
    private let address: String

    /// - Parameters:
    ///   - url: `https://HOST:PORT`, with or without the path `/sgx/certification/v4`.
    ///   - deadline: For each answer as a whole.
    ///   - transport: How it is reached; libcurl unless another is given.
    /// - Throws: ``ClientError`` `.invalidConfiguration`.
    public init(
        url: String, deadline: Duration = .seconds(60), transport: (any ClientTransport)? = nil
    ) throws(ClientError) {
        var base = url
        while base.hasSuffix("/") { base.removeLast() }
        if base.hasSuffix(Self.interface) { base.removeLast(Self.interface.count) }
        server = ServerConnection(
            address: try ServerAddress(base), transport: transport ?? CurlTransport(), idleTimeout: Self.timeout,
            deadline: deadline)
        address = base
    }

    /// Fetches all that the verification of a platform's quotes needs.
    ///
    /// - Throws: ``ClientError``: `.unreachable`, or `.invalidResponse` when the cache does not have it;
    ///   `CancellationError`.
    package func collateral(for platform: IntelPlatform) async throws -> [CollateralRole: [UInt8]] {
        let kind = "/\(platform.tee.rawValue)/certification/v4"
        let info = try await get("\(kind)/tcb", "fmspc=\(platform.fmspc)")
        let identity = try await get("\(kind)/qe/identity", "")
        let pckList = try await get("\(Self.interface)/pckcrl", "ca=\(platform.authority.rawValue)&encoding=der")
        let rootList = try await get("\(Self.interface)/rootcacrl", "")
        return [
            .tcbInfo: info.body,
            .tcbInfoIssuerChain: try chain(info, ["tcb-info-issuer-chain", "sgx-tcb-info-issuer-chain"]),
            .qeIdentity: identity.body,
            .qeIdentityIssuerChain: try chain(identity, ["sgx-enclave-identity-issuer-chain"]),
            .pckCRL: Self.der(pckList.body), .rootCACRL: Self.der(rootList.body),
        ]
    }

    private func get(_ path: String, _ query: String) async throws -> TransportResponse {
        let response: TransportResponse
        do {
            response = try await server.get(path, query: query, maximumBytes: Self.maximumBytes)
        } catch let error as ClientError {
            throw ClientError(
                error.code, "the collateral cache: \(error.message)",
                remedy: "check the address given with --pccs, or give the files with --collateral",
                isRetryable: error.isRetryable)
        }
        guard response.status == 200, !response.body.isEmpty else {
            throw ClientError(
                .invalidResponse, "the collateral cache \(address) answered \(path) with status \(response.status)",
                remedy: "let the cache fetch this platform's collateral, or give the files with --collateral")
        }
        return response
    }

    /// The certificates of a statement's signer are in a header, percent-encoded.
    private func chain(_ response: TransportResponse, _ names: [String]) throws(ClientError) -> [UInt8] {
        guard let text = names.lazy.compactMap({ response.headers[$0] }).first,
            text.utf8.count <= Self.maximumChainBytes, let pem = text.removingPercentEncoding
        else {
            throw ClientError(
                .invalidResponse, "the collateral cache \(address) sent no header '\(names[0])'",
                remedy: "use a cache with the interface of Intel's PCCS, version 4")
        }
        return Array(pem.utf8)
    }

    /// Some caches return revocation lists in hexadecimal, even if DER was requested.
    private static func der(_ body: [UInt8]) -> [UInt8] {
        guard body.first != 0x30 || body.allSatisfy({ $0 < 0x80 }) else { return body }
        let text = String(decoding: body, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        return [UInt8](hex: text) ?? body
    }
}

/// The client's sources of vendors' collateral. They replace collateral that the server sends. For Intel's TEEs they
/// replace all of it except the platform's certificates, so that the server cannot choose an older piece.
public struct CollateralSources: Sendable {
    /// Files by their role.
    public var files: [CollateralRole: [UInt8]]
    /// Asked for what Intel's TEEs need and the files lack.
    public var cache: CollateralCache?

    /// Sources of collateral; with neither files nor a cache, only what the server sends is used.
    public init(files: [CollateralRole: [UInt8]] = [:], cache: CollateralCache? = nil) {
        self.files = files
        self.cache = cache
    }

    /// The collateral of these sources for this evidence.
    ///
    /// - Throws: ``ClientError`` of the cache; `CancellationError`.
    package func collateral(for evidence: [UInt8], of tee: TEEKind) async throws -> [CollateralRole: [UInt8]] {
        guard let cache, tee.hardware == .sgx || tee.hardware == .tdx else { return files }
        // If a cache is configured, collateral that the server chose must not be used instead.
        guard let platform = IntelPlatform(evidence: evidence, pckChain: files[.pckCertificateChain]) else {
            throw ClientError(
                .invalidResponse, "the server's evidence does not say which platform the cache is to be asked for",
                remedy: "give the platform's certificates with --collateral, as pck_cert_chain.pem")
        }
        return try await cache.collateral(for: platform).merging(files) { $1 }
    }
}
