// SPDX-License-Identifier: Apache-2.0
import Attestation
import Evidence
import FoundationEssentials

/// Evidence and collateral in one run of bytes: u8 TEE, u32 time in seconds since 1970; then for each file u8 role (0
/// evidence, 1 root, from 2 on the collateral), u16 length, and the file. Little-endian. Any bytes are a parcel, so that
/// a fuzzer wastes none.
struct EvidenceParcel {
    var tee: TEEKind
    var time: Int64
    var evidence: [UInt8] = []
    var root: [UInt8]?
    var collateral: [CollateralRole: [UInt8]] = [:]

    init(tee: TEEKind, time: Int64) {
        self.tee = tee
        self.time = time
    }

    init(_ bytes: UnsafeRawBufferPointer) {
        var rest = bytes[...]
        func integer(_ count: Int) -> Int {
            defer { rest = rest.dropFirst(count) }
            return rest.prefix(count).reversed().reduce(0) { $0 << 8 | Int($1) }
        }
        let kinds = TEEKind.allCases
        tee = kinds[integer(1) % kinds.count]
        time = Int64(integer(4))
        while !rest.isEmpty {
            let role = integer(1) % (CollateralRole.allCases.count + 2)
            let length = integer(2)
            let file = Array(rest.prefix(length))
            rest = rest.dropFirst(length)
            switch role {
            case 0: evidence = file
            case 1: root = file
            default: collateral[CollateralRole.allCases[role - 2]] = file
            }
        }
    }

    var bytes: [UInt8] {
        func integer(_ value: Int, _ count: Int) -> [UInt8] {
            (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
        }
        var files: [(Int, [UInt8])] = [(0, evidence)]
        if let root { files.append((1, root)) }
        for (number, role) in CollateralRole.allCases.enumerated() {
            if let file = collateral[role] { files.append((number + 2, file)) }
        }
        return integer(TEEKind.allCases.firstIndex(of: tee) ?? 0, 1) + integer(Int(time), 4)
            + files.flatMap { role, file in integer(role, 1) + integer(file.count, 2) + file }
    }

    /// The vectors of a folder that `index.json` lists, in the form that the README beside it describes.
    static func vectors(in folder: String) throws -> [(name: String, parcel: EvidenceParcel)] {
        struct Index: Decodable {
            struct Vector: Decodable { let path: String }
            let vectors: [Vector]
        }
        struct Expectation: Decodable {
            let tee: TEEKind
            let quote: String
            let collateral: [String: String]
            let trustedRoot: String
            let verifyAt: String
            private enum CodingKeys: String, CodingKey {
                case tee, quote, collateral
                case trustedRoot = "trusted_root"
                case verifyAt = "verify_at"
            }
        }
        func read(_ path: String) throws -> Data { try Data(contentsOf: URL(filePath: path)) }
        let index = try JSONDecoder().decode(Index.self, from: try read(folder + "/index.json"))
        return try index.vectors.map { vector in
            let place = folder + "/" + vector.path
            let expectation = try JSONDecoder().decode(Expectation.self, from: try read(place + "/expected.json"))
            var parcel = EvidenceParcel(
                tee: expectation.tee, time: Timestamp(iso8601: expectation.verifyAt)?.secondsSince1970 ?? 0)
            parcel.evidence = Array(try read(place + "/" + expectation.quote))
            parcel.root = Array(try read(place + "/" + expectation.trustedRoot))
            for (name, file) in expectation.collateral {
                if let role = CollateralRole(rawValue: name) {
                    parcel.collateral[role] = Array(try read(place + "/" + file))
                }
            }
            return (vector.path.split(separator: "/").joined(separator: "-"), parcel)
        }
    }
}
