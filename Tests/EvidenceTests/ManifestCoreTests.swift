// SPDX-License-Identifier: Apache-2.0
import Evidence
import Tensors
import Testing

/// One of each, small enough to be written out.
private enum Sample {
    static func service(inside: Bool = false, sigma: NoiseDeviation? = nil) throws -> ServiceFacts {
        let type = TensorType(.float32, try Shape([1, 4]))
        return try ServiceFacts(
            acceptsFloats: !inside, precision: .bfloat16, channels: 3, height: 5, width: 7, classes: 10, topK: 2,
            sigma: sigma, toHost: inside ? [] : [type], fromHost: inside ? [] : [type])
    }

    static func parts(_ kinds: [ManifestCore.PartKind]) throws -> [ManifestCore.Part] {
        try kinds.map { kind in
            try ManifestCore.Part(
                kind: kind, byteCount: 100 + Int(kind.rawValue), digest: [UInt8](repeating: kind.rawValue, count: 32))
        }
    }

    static func core(inside: Bool = true) throws -> ManifestCore {
        try ManifestCore(
            identifier: [UInt8](repeating: 0xA1, count: 16), ownerPublicKey: [UInt8](repeating: 0xA2, count: 32),
            service: service(inside: inside), parts: parts([.frontNet, .mappingUnit] + (inside ? [] : [.backNet])),
            textDigest: [UInt8](repeating: 0xA3, count: 32))
    }

    static func facts(_ state: EnclaveFacts.State) throws -> EnclaveFacts {
        try EnclaveFacts(
            frontNetDigest: [UInt8](repeating: 1, count: 32), mappingUnitDigest: [UInt8](repeating: 2, count: 32),
            state: state)
    }
}

private func bytes(_ byte: UInt8, _ count: Int) -> [UInt8] { [UInt8](repeating: byte, count: count) }

@Suite("Manifest cores and service facts")
struct ManifestCoreTests {
    @Test("Manifest cores and facts have the layouts on the protocol page")
    func layouts() throws {
        let service: [UInt8] =
            [1, 0, 1, 2] + [3, 0, 0, 0, 5, 0, 0, 0, 7, 0, 0, 0, 10, 0, 0, 0, 2, 0, 0, 0] + bytes(0, 8)
            + [0, 0, 0, 0]
        #expect(try Sample.service(inside: true).encoded() == service)
        let type: [UInt8] = [1, 2, 1, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0]
        let cut: [UInt8] =
            [1, 0, 3, 2] + service[4..<24] + [0, 0, 0, 0, 0, 0, 0xE0, 0x3F] + [1, 0] + type + [1, 0] + type
        #expect(try Sample.service(sigma: NoiseDeviation(0.5)).encoded() == cut)

        var core = Array("INFCORE\0".utf8) + [2, 0] + bytes(0xA1, 16) + bytes(0xA2, 32)
        core += [UInt8(service.count), 0, 0, 0] + service + [2]
        core += [1, 101, 0, 0, 0, 0, 0, 0, 0] + bytes(1, 32) + [2, 102, 0, 0, 0, 0, 0, 0, 0] + bytes(2, 32)
        core += bytes(0xA3, 32)
        #expect(try Sample.core().encoded() == core)

        let digests = bytes(1, 32) + bytes(2, 32)
        let head = Array("INFFACTS".utf8) + [1, 0] + digests
        #expect(try Sample.facts(.unprovisioned).encoded() == head + [1])
        #expect(try Sample.facts(.leaseEnded).encoded() == head + [3])
        let lease = EnclaveFacts.Lease(sequence: 258, seconds: 60, secondsLeft: 7)
        #expect(
            try Sample.facts(.provisioned(lease, Sample.service(inside: true))).encoded()
                == head + [2, 2, 1, 0, 0, 0, 0, 0, 0, 60, 0, 0, 0, 7, 0, 0, 0, UInt8(service.count), 0, 0, 0] + service)
    }

    @Test("Manifest cores survive encoding, and truncated, extended and other-version bytes are refused")
    func roundTrips() throws {
        let lease = EnclaveFacts.Lease(sequence: .max, seconds: EnclaveFacts.Lease.maximumSeconds, secondsLeft: 0)
        for inside in [false, true] {
            let core = try Sample.core(inside: inside)
            let encoded = core.encoded()
            #expect(try ManifestCore(decoding: encoded) == core)
            for count in encoded.indices {
                #expect(throws: EvidenceError.self) { try ManifestCore(decoding: Array(encoded.prefix(count))) }
            }
            #expect(throws: EvidenceError.self) { try ManifestCore(decoding: encoded + [0]) }
            let facts = try Sample.facts(.provisioned(lease, Sample.service(inside: inside)))
            let factBytes = facts.encoded()
            #expect(try EnclaveFacts(decoding: factBytes) == facts)
            for count in factBytes.indices {
                #expect(throws: EvidenceError.self) { try EnclaveFacts(decoding: Array(factBytes.prefix(count))) }
            }
            #expect(throws: EvidenceError.self) { try EnclaveFacts(decoding: factBytes + [0]) }
        }
        var old = try Sample.core().encoded()
        old[8] = 1
        let error = #expect(throws: EvidenceError.self) { try ManifestCore(decoding: old) }
        #expect(error?.code == .unsupported && error?.message.contains("infenclave partition") == true)
    }

    @Test("Changed bytes decode to facts that encode to the same bytes, or are refused")
    func oneEncoding() throws {
        let encoded = try Sample.core(inside: false).encoded()
        for index in encoded.indices {
            for bit in 0..<8 {
                var changed = encoded
                changed[index] ^= 1 << UInt8(bit)
                guard let core = try? ManifestCore(decoding: changed) else { continue }
                #expect(core.encoded() == changed, "byte \(index), bit \(bit)")
            }
        }
    }

    @Test("A lease beyond the owner's limit is refused")
    func leases() throws {
        func read(_ sequence: UInt64, _ seconds: UInt32, _ left: UInt32) throws -> EnclaveFacts {
            let lease = EnclaveFacts.Lease(sequence: sequence, seconds: seconds, secondsLeft: left)
            return try EnclaveFacts(
                decoding: Sample.facts(.provisioned(lease, Sample.service(inside: true))).encoded())
        }
        #expect(throws: Never.self) { try read(1, 60, 60) }
        for (sequence, seconds, left) in [(0, 60, 60), (1, 0, 0), (1, 60, 61), (1, 126_230_401, 0)]
            as [(UInt64, UInt32, UInt32)]
        {
            #expect(throws: EvidenceError.self) { try read(sequence, seconds, left) }
        }
    }

    @Test("A list of parts that no bundle has is refused")
    func parts() throws {
        func core(_ kinds: [ManifestCore.PartKind], inside: Bool) throws -> ManifestCore {
            try ManifestCore(
                identifier: bytes(0, 16), ownerPublicKey: bytes(0, 32), service: Sample.service(inside: inside),
                parts: Sample.parts(kinds), textDigest: bytes(0, 32))
        }
        for kinds in [
            [], [.frontNet], [.mappingUnit], [.mappingUnit, .frontNet], [.frontNet, .frontNet, .mappingUnit],
        ]
            as [[ManifestCore.PartKind]]
        {
            for inside in [false, true] {
                #expect(throws: EvidenceError.self, "\(kinds)") { try core(kinds, inside: inside) }
            }
        }
        #expect(throws: EvidenceError.self) { try core([.frontNet, .mappingUnit], inside: false) }
        #expect(throws: EvidenceError.self) { try core([.frontNet, .mappingUnit, .backNet], inside: true) }
        for more in [[], [.backNetONNX], [.backNetONNX, .backNetPrecision]] as [[ManifestCore.PartKind]] {
            #expect(throws: Never.self) { try core([.frontNet, .mappingUnit, .backNet] + more, inside: false) }
        }
    }

    @Test("The sealing context is the core with its part and text digests set to zero")
    func sealingContext() throws {
        let core = try Sample.core(inside: false)
        let other = try ManifestCore(
            identifier: core.identifier, ownerPublicKey: core.ownerPublicKey, service: core.service,
            parts: core.parts.map { try .init(kind: $0.kind, byteCount: $0.byteCount, digest: bytes(7, 32)) },
            textDigest: bytes(8, 32))
        #expect(core.sealingContext == other.sealingContext)
        #expect(core.sealingContext.count == core.encoded().count)
        let renamed = try ManifestCore(
            identifier: bytes(1, 16), ownerPublicKey: core.ownerPublicKey, service: core.service, parts: core.parts,
            textDigest: core.textDigest)
        #expect(renamed.sealingContext != core.sealingContext)
    }

    @Test("Facts that contradict each other are refused")
    func contradictions() throws {
        let type = TensorType(.float32, try Shape([1, 4]))
        func facts(
            classes: Int = 10, topK: Int = 2, extent: Int = 5, sigma: NoiseDeviation? = nil, to: [TensorType] = [],
            from: [TensorType] = []
        ) throws -> ServiceFacts {
            try ServiceFacts(
                acceptsFloats: false, precision: .float32, channels: 3, height: extent, width: 7, classes: classes,
                topK: topK, sigma: sigma, toHost: to, fromHost: from)
        }
        #expect(throws: Never.self) { try facts() }
        #expect(throws: EvidenceError.self) { try facts(classes: 1, topK: 1) }
        #expect(throws: EvidenceError.self) { try facts(topK: 11) }
        #expect(throws: EvidenceError.self) { try facts(topK: 0) }
        #expect(throws: EvidenceError.self) { try facts(extent: 0) }
        #expect(throws: EvidenceError.self) { try facts(extent: 1 << 17) }
        #expect(throws: EvidenceError.self) { try facts(sigma: NoiseDeviation(1)) }
        #expect(throws: EvidenceError.self) { try facts(to: [type]) }
        #expect(throws: EvidenceError.self) { try facts(from: [type]) }
        let many = [TensorType](repeating: type, count: 257)
        #expect(throws: EvidenceError.self) { try facts(to: many, from: many) }
    }
}
