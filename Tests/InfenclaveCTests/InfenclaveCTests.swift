// SPDX-License-Identifier: Apache-2.0
import Attestation
import AttestationFixtures
import BundleFormat
import CInfenclave
import CInterfaceCaller
import Evidence
import InfenclaveC
import SealedChannel
import SecretMemory
import Tensors
import Testing

/// The C interface, called from C (`CInterfaceCaller`) with all warnings of the compiler as errors.
@Suite("C interface")
struct InfenclaveCTests {
    @Test("Calls with NULL, with counts without bytes and with invalid bytes behave as the header states")
    func misuse() {
        let complaint = cic_misuse().map { String(cString: $0) }
        #expect(complaint == nil)
    }

    /// What a C program verifies a service with.
    private struct Arguments {
        var document = infenclave_bytes()
        var nonce = infenclave_bytes()
        var policy = infenclave_bytes()
        var root = infenclave_bytes()
        var time: Int64 = 0
        var collateral: [infenclave_collateral] = []
    }

    private func withBytes<Value>(_ bytes: [UInt8], _ body: (infenclave_bytes) throws -> Value) rethrows -> Value {
        try bytes.withUnsafeBufferPointer { try body(infenclave_bytes(bytes: $0.baseAddress, count: $0.count)) }
    }

    private func withArguments<Value>(
        _ peer: PeerFixture<SNPFixture>, policy: [String: String]? = nil, _ body: (Arguments) -> Value
    ) throws -> Value {
        let input = try peer.input(peer.document(), policy: policy)
        let service = try #require(input.service)
        let (document, root) = (try service.document.json(), try #require(input.root))
        let file = try #require(input.policy)
        let files = input.collateral.sorted { $0.key.rawValue < $1.key.rawValue }
        func call(
            _ open: ArraySlice<(key: CollateralRole, value: [UInt8])>, _ arguments: Arguments
        ) -> Value {
            guard let file = open.first else { return body(arguments) }
            return file.key.rawValue.withCString { role in
                withBytes(file.value) { bytes in
                    var arguments = arguments
                    arguments.collateral.append(infenclave_collateral(role: role, bytes: bytes))
                    return call(open.dropFirst(), arguments)
                }
            }
        }
        return withBytes(document) { document in
            withBytes(service.nonce) { nonce in
                withBytes(file) { policy in
                    withBytes(root) { root in
                        call(
                            files[...],
                            Arguments(
                                document: document, nonce: nonce, policy: policy, root: root,
                                time: input.time.secondsSince1970))
                    }
                }
            }
        }
    }

    private func text(_ characters: [CChar]) -> String {
        String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private func verify(
        _ peer: PeerFixture<SNPFixture>, policy: [String: String]? = nil
    ) throws -> (status: Int32, text: String) {
        var said = [CChar](repeating: 0, count: 65_536)
        let status = try withArguments(peer, policy: policy) { given in
            cic_verify(
                given.document, given.nonce, given.policy, given.root, given.time, given.collateral,
                given.collateral.count, &said, said.count)
        }
        return (status, text(said))
    }

    /// A service with keys and with a manifest that agrees with what its owner signed.
    private func service(_ keys: ChannelKeyPair) throws -> PeerFixture<SNPFixture> {
        let made = PeerFixture(SNPFixture())
        let (core, facts) = (made.core(), made.service)
        let manifest = BundleManifest(
            identifier: core.identifier.hex, model: .init(name: "tiny"),
            ownerPublicKey: core.ownerPublicKey.hex,
            input: .init(
                name: "x", shape: [1, facts.channels, facts.height, facts.width], elements: ["u8"],
                preprocessing: try Preprocessing(
                    width: facts.width, height: facts.height, channels: .rgb, resize: .stretch,
                    interpolation: .bilinear, mean: [0, 0, 0], std: [1, 1, 1])),
            cuts: .init(front: "a", mapping: "b", everythingInside: true),
            boundary: .init(toBackNet: [], fromBackNet: []), classes: facts.classes, topK: facts.topK,
            precision: "f32",
            parts: BundleFile.parts(everythingInside: true, precision: "f32").map { file in
                .init(
                    file: file.rawValue, bytes: 9,
                    sha256: [UInt8](repeating: file.partKind?.rawValue ?? 0, count: 32).hex, sealed: file.isSealed)
            }, assessment: .none)
        var peer = PeerFixture(made.evidence, owner: made.owner, manifest: try manifest.encoded())
        peer.keyConfiguration = keys.keyConfiguration
        return peer
    }

    /// The enclave's side of an exchange.
    private final class Enclave {
        let gateway: ObliviousGateway
        let type: TensorType
        var request: ClassificationRequest?
        var error: (any Error)?

        init(_ keys: ChannelKeyPair) throws {
            gateway = ObliviousGateway(keys: keys, maximumMessageBytes: 1 << 16)
            type = TensorType(.uint8, try Shape([1, 8, 8, 3]))
        }

        func answer(_ message: [UInt8]) throws -> [UInt8] {
            let opened = try gateway.open(message.span.bytes)
            request = try ClassificationRequest(binaryRequest: opened.request.bytes, accepting: [type])
            let layout = try AnswerLayout(classCount: 2, nameByteCount: 8)
            let plaintext = try ClassificationAnswer.encodeBinaryResponse(layout: layout) {
                (position, writer) throws(SealedChannelError) in
                let name = Array(position == 0 ? "newt".utf8 : "cat".utf8)
                try writer.write(index: 7 - position, probability: position == 0 ? 0.75 : 0.125, name: name.span.bytes)
            }
            return try opened.sealer.seal(plaintext.bytes, randomness: .system)
        }
    }

    @Test("A C program verifies an enclave, encrypts pixels for it, and decrypts its answer")
    func exchange() throws {
        let keys = try ChannelKeyPair.generate()
        let (peer, enclave) = (try service(keys), try Enclave(keys))
        var policy = peer.policy
        policy["assessment"] = nil
        let secret = (0..<32).map { UInt8($0 + 1) }
        let pixels = (0..<192).map { UInt8($0) }
        var said = [CChar](repeating: 0, count: 65_536)
        let fault = try withArguments(peer, policy: policy) { given in
            withBytes(secret) { secret in
                withBytes(pixels) { pixels in
                    cic_exchange(
                        given.document, given.nonce, given.policy, given.root, given.time, given.collateral,
                        given.collateral.count, secret, pixels,
                        { context, message, target, capacity in
                            guard let context, let target else { return 0 }
                            let enclave = Unmanaged<Enclave>.fromOpaque(context).takeUnretainedValue()
                            do {
                                let answer = try enclave.answer(
                                    Array(UnsafeBufferPointer(start: message.bytes, count: message.count)))
                                guard answer.count <= capacity else { return 0 }
                                for (position, byte) in answer.enumerated() { target[position] = byte }
                                return answer.count
                            } catch {
                                enclave.error = error
                                return 0
                            }
                        }, Unmanaged.passUnretained(enclave).toOpaque(), &said, said.count)
                }
            }
        }
        #expect(fault.map { String(cString: $0) } == nil, "\(text(said)) \(String(describing: enclave.error))")
        let request = try #require(enclave.request)
        #expect(try request.tensor.uint8s() == pixels)
        #expect(request.token.digest == AccessToken(bytes: secret.span.bytes)?.digest)
        #expect(
            text(said)
                == #"[{"index":7,"name":"newt","probability":0.75},{"index":6,"name":"cat","probability":0.125}]"#)
    }

    @Test("A service that the policy rejects is an error with the complete verdict")
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

    @Test("A service with accepted evidence but an unreadable manifest is refused")
    func unreadableManifest() throws {
        // The fixture's manifest.json has no more than what a policy looks at.
        let (status, text) = try verify(PeerFixture(SNPFixture()))
        #expect(status == INFENCLAVE_FAILED)
        #expect(text.contains(#""code":"invalidResponse""#) && text.contains("manifest"), "\(text)")
    }
}
