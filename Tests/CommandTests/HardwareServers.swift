// SPDX-License-Identifier: Apache-2.0
import AttestationFixtures
import BundleFormat
import Evidence
import Foundation

/// A server in a TEE: evidence that is bound to whatever nonce it is asked for.
func evidenceServer<Fixture: EvidenceFixture>(_ peer: PeerFixture<Fixture>) throws -> AnsweringServer {
    try AnsweringServer { path in
        let prefix = "/.well-known/infenclave/evidence?nonce="
        guard path.hasPrefix(prefix), let nonce = [UInt8](hex: path.dropFirst(prefix.count).prefix { $0 != "&" }) else {
            return nil
        }
        var peer = peer
        peer.nonce = nonce
        return AnsweringServer.Answer(body: try peer.document().json())
    }
}

/// A cache of Intel's collateral, with the paths and headers of Intel's API version 4.
func collateralCache(
    _ fixture: IntelFixture, hexadecimalLists: Bool = false,
    _ change: @escaping @Sendable (String, inout AnsweringServer.Answer) -> Void = { _, _ in }
) throws -> AnsweringServer {
    let collateral = try fixture.collateral()
    let kind = fixture.tee.rawValue
    return try AnsweringServer { path in
        func list(_ role: CollateralRole) -> AnsweringServer.Answer {
            let der = collateral[role] ?? []
            return .init(body: hexadecimalLists ? Array(der.hex.utf8) : der)
        }
        func statement(_ role: CollateralRole, _ chain: CollateralRole, _ header: String) -> AnsweringServer.Answer {
            let text = String(decoding: collateral[chain] ?? [], as: UTF8.self)
            let encoded = text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
            return .init(headers: [header: encoded], body: collateral[role] ?? [])
        }
        var answer: AnsweringServer.Answer
        switch path {
        case "/\(kind)/certification/v4/tcb?fmspc=\(fixture.platform.fmspc.hex)":
            answer = statement(.tcbInfo, .tcbInfoIssuerChain, "TCB-Info-Issuer-Chain")
        case "/\(kind)/certification/v4/qe/identity":
            answer = statement(.qeIdentity, .qeIdentityIssuerChain, "SGX-Enclave-Identity-Issuer-Chain")
        case "/sgx/certification/v4/pckcrl?ca=platform&encoding=der": answer = list(.pckCRL)
        case "/sgx/certification/v4/rootcacrl": answer = list(.rootCACRL)
        default: return nil
        }
        change(path, &answer)
        return answer
    }
}

/// Writes collateral as `--collateral` reads it.
func writeCollateral(_ collateral: [CollateralRole: [UInt8]], to name: String, in folder: TemporaryFolder) throws
    -> String
{
    let path = try folder.makeFolder(name)
    for (role, bytes) in collateral {
        try folder.write(bytes, to: "\(name)/\(role.fileNames[0])")
    }
    return path
}

extension EvidenceFixture {
    /// The fixture's policy as a file.
    func writePolicy(_ members: [String: String]? = nil, to name: String, in folder: TemporaryFolder) throws -> String {
        let text = (members ?? policy).map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",")
        return try folder.write("{\(text)}", to: name)
    }
}
