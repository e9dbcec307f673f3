// SPDX-License-Identifier: Apache-2.0
import Attestation
import AttestationFixtures
import BundleFormat
import CInfenclave
import CInterfaceCaller
import Evidence
import InfenclaveC
import Testing

/// The C interface, called from C (`CInterfaceCaller`) with all warnings of the compiler as errors.
@Suite("C interface")
struct InfenclaveCTests {
    @Test("Calls with NULL, with counts without bytes and with bytes that are nothing do what the header says")
    func misuse() {
        let complaint = cic_misuse().map { String(cString: $0) }
        #expect(complaint == nil)
    }

    /// What the C program is told of a service in hardware.
    private func verify(
        _ peer: PeerFixture<SNPFixture>, policy: [String: String]? = nil
    ) throws -> (status: Int32, text: String) {
        let input = try peer.input(peer.document(), policy: policy)
        let service = try #require(input.service)
        let (document, root) = (try service.document.json(), try #require(input.root))
        let file = try #require(input.policy)
        var text = [CChar](repeating: 0, count: 65_536)
        func withBytes<Value>(_ bytes: [UInt8], _ body: (infenclave_bytes) throws -> Value) rethrows -> Value {
            try bytes.withUnsafeBufferPointer { try body(infenclave_bytes(bytes: $0.baseAddress, count: $0.count)) }
        }
        let files = input.collateral.sorted { $0.key.rawValue < $1.key.rawValue }
        func call(_ open: ArraySlice<(key: CollateralRole, value: [UInt8])>, _ given: [infenclave_collateral]) -> Int32
        {
            if let file = open.first {
                return file.key.rawValue.withCString { role in
                    withBytes(file.value) { bytes in
                        call(open.dropFirst(), given + [infenclave_collateral(role: role, bytes: bytes)])
                    }
                }
            }
            return withBytes(document) { document in
                withBytes(service.nonce) { nonce in
                    withBytes(file) { policy in
                        withBytes(root) { root in
                            cic_verify(
                                document, nonce, policy, root, input.time.secondsSince1970, given, given.count, &text,
                                text.count)
                        }
                    }
                }
            }
        }
        let status = call(files[...], [])
        return (status, String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
    }

    @Test("A service that the policy rejects is a failure with the whole verdict")
    func rejection() throws {
        let peer = PeerFixture(SNPFixture())
        var policy = peer.policy
        policy["manifestDigest"] = "\"\([UInt8](repeating: 1, count: 32).hex)\""
        let (status, text) = try verify(peer, policy: policy)
        #expect(status == INFENCLAVE_FAILED)
        #expect(text.contains(#""code":"attestationRejected""#))
        #expect(text.contains(#""check":"manifest-digest","code":"manifest_mismatch""#))
        #expect(text.contains(#""check":"report-signature""#))
    }

    @Test("A service whose evidence is accepted, but whose manifest nobody can read, is no peer")
    func unreadableManifest() throws {
        // The fixture's manifest.json has no more than what a policy looks at.
        let (status, text) = try verify(PeerFixture(SNPFixture()))
        #expect(status == INFENCLAVE_FAILED)
        #expect(text.contains(#""code":"invalidResponse""#) && text.contains("manifest"), "\(text)")
    }
}
