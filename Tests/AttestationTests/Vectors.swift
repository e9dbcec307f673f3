// SPDX-License-Identifier: Apache-2.0
import Attestation
import AttestationFixtures
import Evidence
import Foundation
import TestSupport
import Testing

/// The shared attestation vectors, read as their README describes.
enum Vectors {
    static let folder = "vectors/attestation"
    static var arePresent: Bool { SharedFiles.exists(folder + "/index.json") }

    /// What one file `expected.json`, or one entry `also` of it, demands.
    struct Case: Sendable, CustomTestStringConvertible {
        let path: String
        let expectation: Expectation
        let policy: PolicyFields
        let verifyAt: String
        let expected: String
        let reasonCodes: [String]

        var testDescription: String { "\(path) at \(verifyAt)" }
    }

    struct Expectation: Decodable, Sendable {
        struct Also: Decodable, Sendable {
            let policy: PolicyFields
            let verifyAt: String
            let expected: String
            let reasonCodes: [String]

            private enum CodingKeys: String, CodingKey {
                case policy, expected
                case verifyAt = "verify_at"
                case reasonCodes = "reason_codes"
            }
        }
        let tee: String
        let quote: String
        let auxblob: String?
        let collateral: [String: String]
        let trustedRoot: String
        let verifyAt: String
        let policy: PolicyFields
        let expected: String
        let reasonCodes: [String]
        let parsed: Parsed
        let also: [Also]?

        private enum CodingKeys: String, CodingKey {
            case tee, quote, auxblob, collateral, policy, expected, parsed, also
            case trustedRoot = "trusted_root"
            case verifyAt = "verify_at"
            case reasonCodes = "reason_codes"
        }
    }

    struct PolicyFields: Decodable, Sendable {
        let allowedTCBStatus: [String]?
        let allowDebug: Bool?
        let maxVMPL: Int?
        let allowMigrateMA: Bool?
        let minReportedTCB: [String: Int]?
        let maxAgeSeconds: Int?

        private enum CodingKeys: String, CodingKey {
            case allowedTCBStatus = "allowed_tcb_status"
            case allowDebug = "allow_debug"
            case maxVMPL = "max_vmpl"
            case allowMigrateMA = "allow_migrate_ma"
            case minReportedTCB = "min_reported_tcb"
            case maxAgeSeconds = "max_age_seconds"
        }

        /// A policy file that says the same.
        func policy(for tee: String) throws -> [UInt8] {
            var members: [String: Any] = ["version": Policy.version, "tee": [tee]]
            members["tcbStatuses"] = allowedTCBStatus
            members["allowDebug"] = allowDebug
            members["maximumVMPL"] = maxVMPL
            members["allowMigration"] = allowMigrateMA
            members["minimumTCB"] = minReportedTCB
            members["maximumAgeSeconds"] = maxAgeSeconds
            return Array(try JSONSerialization.data(withJSONObject: members, options: .sortedKeys))
        }
    }

    /// Values that both sides have under one name.
    struct Parsed: Decodable, Sendable {
        let texts: [String: String]
        let debug: Bool?
        let tcbStatus: String?
        let advisories: [String]?
        let pcrs: [String: String]?
        let timestamp: String?

        private enum Key: String, CodingKey {
            case debug, pcrs, timestamp
            case tcbStatus = "tcb_status"
            case advisories = "advisory_ids"
        }
        private struct AnyKey: CodingKey {
            let stringValue: String
            var intValue: Int? { nil }
            init(stringValue: String) { self.stringValue = stringValue }
            init?(intValue: Int) { nil }
        }

        init(from decoder: any Decoder) throws {
            let members = try decoder.container(keyedBy: Key.self)
            debug = try members.decodeIfPresent(Bool.self, forKey: .debug)
            tcbStatus = try members.decodeIfPresent(String.self, forKey: .tcbStatus)
            advisories = try members.decodeIfPresent([String].self, forKey: .advisories)
            pcrs = try members.decodeIfPresent([String: String].self, forKey: .pcrs)
            timestamp = try members.decodeIfPresent(String.self, forKey: .timestamp)
            let all = try decoder.container(keyedBy: AnyKey.self)
            var texts: [String: String] = [:]
            for key in all.allKeys {
                if let text = try? all.decode(String.self, forKey: key) { texts[key.stringValue] = text }
            }
            self.texts = texts
        }
    }

    struct Mutation: Decodable, Sendable, CustomTestStringConvertible {
        struct Operation: Decodable, Sendable {
            let op: String
            let file: String?
            let offset: Int?
            let value: Value?
            let hex: String?
            let length: Int?
            let find: String?
            let replace: String?
            let key: String?
        }
        /// A number for `xor`, text for the others.
        enum Value: Decodable, Sendable {
            case number(UInt8)
            case text(String)
            init(from decoder: any Decoder) throws {
                let container = try decoder.singleValueContainer()
                if let number = try? container.decode(UInt8.self) {
                    self = .number(number)
                } else {
                    self = .text(try container.decode(String.self))
                }
            }
            var text: String { if case .text(let text) = self { text } else { "" } }
        }
        let base: String
        let id: String
        let ops: [Operation]
        let expected: String
        let reasonCodes: [String]

        private enum CodingKeys: String, CodingKey {
            case base, id, ops, expected
            case reasonCodes = "reason_codes"
        }

        var testDescription: String { "\(base) \(id)" }

        func input() throws -> AppraisalInput {
            let expectation = try Vectors.expectation(base)
            var input = try VectorInput(base, expectation, at: expectation.verifyAt)
            try input.apply(ops)
            return try input.appraisal(expectation.policy)
        }
    }

    static let cases: [Case] = {
        struct Index: Decodable {
            struct Vector: Decodable { let path: String }
            let vectors: [Vector]
        }
        guard arePresent, let json = try? SharedFiles.bytes(folder + "/index.json"),
            let index = try? JSONDecoder().decode(Index.self, from: json)
        else { return [] }
        return index.vectors.flatMap { vector -> [Case] in
            guard let expectation = try? expectation(vector.path) else { return [] }
            let first = Case(
                path: vector.path, expectation: expectation, policy: expectation.policy,
                verifyAt: expectation.verifyAt, expected: expectation.expected, reasonCodes: expectation.reasonCodes)
            return [first]
                + (expectation.also ?? []).map {
                    Case(
                        path: vector.path, expectation: expectation, policy: $0.policy, verifyAt: $0.verifyAt,
                        expected: $0.expected, reasonCodes: $0.reasonCodes)
                }
        }
    }()

    static let mutations: [Mutation] = {
        struct File: Decodable { let mutations: [Mutation] }
        guard arePresent, let json = try? SharedFiles.bytes(folder + "/mutations.json"),
            let file = try? JSONDecoder().decode(File.self, from: json)
        else { return [] }
        return file.mutations
    }()

    /// All of them: the vectors, then their mutations.
    static func inputs() throws -> [(name: String, input: AppraisalInput)] {
        let plain = try cases.map { vector in
            let input = try VectorInput(vector.path, vector.expectation, at: vector.verifyAt)
            return (vector.testDescription, try input.appraisal(vector.policy))
        }
        return try plain
            + mutations.map { mutation in
                (mutation.testDescription, try mutation.input())
            }
    }

    static func expectation(_ path: String) throws -> Expectation {
        try JSONDecoder().decode(Expectation.self, from: SharedFiles.bytes("\(folder)/\(path)/expected.json"))
    }

    static func bytes(_ path: String, _ file: String) throws -> [UInt8] {
        Array(try SharedFiles.bytes("\(folder)/\(path)/\(file)"))
    }

    /// The groups within which a verifier of another order may find another fault first.
    static let groups: [[String]] = [
        [
            "cert_expired", "cert_not_yet_valid", "crl_expired", "crl_not_yet_valid", "tcb_info_expired",
            "tcb_info_not_yet_valid", "qe_identity_expired", "qe_identity_not_yet_valid",
        ],
        [
            "quote_signature_invalid", "qe_report_signature_invalid", "ak_binding_invalid", "report_signature_invalid",
            "document_signature_invalid",
        ],
        [
            "pck_chain_invalid", "untrusted_root", "vek_chain_invalid", "cert_chain_invalid", "cert_malformed",
            "ca_revoked", "pck_revoked", "product_mismatch",
        ],
        [
            "collateral_missing", "crl_invalid", "tcb_info_signature_invalid", "qe_identity_signature_invalid",
            "tcb_info_mismatch", "qe_identity_mismatch", "tdx_module_mismatch",
        ],
        [
            "tcb_not_supported", "tcb_revoked", "tcb_status_not_allowed", "vek_tcb_mismatch", "vek_chip_id_mismatch",
            "signing_key_mismatch",
        ],
        ["debug_enabled", "migrate_ma_enabled", "vmpl_not_allowed", "policy_reserved", "too_old"],
        ["malformed", "unsupported_format", "unsupported_cert_data", "wrong_tee"],
    ]

    static func group(_ code: String) -> Int? { groups.firstIndex { $0.contains(code) } }
}

/// A vector in memory, to be changed and verified.
struct VectorInput {
    var tee: String
    var evidence: [UInt8]
    var collateral: [CollateralRole: [UInt8]]
    var time: String
    /// `nil` for the vendor's.
    var root: [UInt8]?
    private let path: String
    private let evidenceFile: String
    private var collateralFiles: [String: String]
    private var files: [String: [UInt8]] = [:]

    init(_ path: String, _ expectation: Vectors.Expectation, at time: String) throws {
        self.path = path
        tee = expectation.tee
        evidenceFile = expectation.quote
        self.time = time
        evidence = try Vectors.bytes(path, expectation.quote)
        collateralFiles = expectation.collateral
        collateral = [:]
        // Vectors under the vendors' roots use those that are compiled in.
        root =
            expectation.trustedRoot.contains("/roots/") ? nil : try Vectors.bytes(path, expectation.trustedRoot)
        try loadCollateral()
    }

    private mutating func loadCollateral() throws {
        collateral = [:]
        for (key, file) in collateralFiles {
            guard let role = CollateralRole(rawValue: key) else { throw UnknownRole(key: key) }
            collateral[role] = try files[file] ?? Vectors.bytes(path, file)
        }
    }

    struct UnknownRole: Error { let key: String }
    struct UnknownOperation: Error { let name: String }

    mutating func apply(_ operations: [Vectors.Mutation.Operation]) throws {
        for operation in operations {
            switch operation.op {
            case "set_collateral": collateralFiles[operation.key ?? ""] = operation.value?.text
            case "drop_collateral": collateralFiles[operation.key ?? ""] = nil
            case "trusted_root": root = try Vectors.bytes(path, operation.value?.text ?? "")
            case "verify_at": time = operation.value?.text ?? ""
            case "tee": tee = operation.value?.text ?? ""
            default: try change(operation)
            }
        }
        evidence = files[evidenceFile] ?? evidence
        try loadCollateral()
    }

    private mutating func change(_ operation: Vectors.Mutation.Operation) throws {
        let name = operation.file ?? ""
        var bytes = try files[name] ?? Vectors.bytes(path, name)
        let hex = [UInt8](hex: operation.hex ?? "") ?? []
        switch operation.op {
        case "xor":
            if case .number(let value)? = operation.value { bytes[operation.offset ?? 0] ^= value }
        case "set":
            let start = operation.offset ?? 0
            bytes.replaceSubrange(start..<(start + hex.count), with: hex)
        case "truncate": bytes = Array(bytes.prefix(operation.length ?? 0))
        case "append": bytes += hex
        case "prepend": bytes = hex + bytes
        case "replace_ascii":
            let text = String(decoding: bytes, as: UTF8.self)
            guard let range = text.range(of: operation.find ?? "") else { throw UnknownOperation(name: "find") }
            bytes = Array(text.replacingCharacters(in: range, with: operation.replace ?? "").utf8)
        default: throw UnknownOperation(name: operation.op)
        }
        files[name] = bytes
    }

    func request() throws -> VerificationRequest {
        guard let tee = TEEKind(rawValue: tee), let time = Timestamp(iso8601: time) else {
            throw UnknownOperation(name: "request")
        }
        let roots = try root.map { try TrustedRoots.dangerouslyTrust($0) } ?? .vendors
        return VerificationRequest(tee: tee, evidence: evidence, collateral: collateral, at: time, roots: roots)
    }

    func appraisal(_ policy: Vectors.PolicyFields) throws -> AppraisalInput {
        guard let kind = TEEKind(rawValue: tee), let time = Timestamp(iso8601: time) else {
            throw UnknownOperation(name: "appraisal")
        }
        return AppraisalInput(
            tee: kind, evidence: evidence, collateral: collateral, at: time, root: root,
            policy: try policy.policy(for: tee))
    }
}
