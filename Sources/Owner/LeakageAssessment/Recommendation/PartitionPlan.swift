// SPDX-License-Identifier: Apache-2.0
package import FoundationEssentials
import Hexadecimal
import StrictJSON
package import Tensors

/// The content of `plan.json`: the cut that `partition` applies, and the model and assessment that it was chosen from.
package struct PartitionPlan: Sendable, Hashable {
    package static let version = 1

    /// The last layer of the FrontNet.
    package let front: String
    /// The last layer of the BackNet; equal to ``front`` when everything is inside.
    package let mapping: String
    /// Standard deviation of the noise that the enclave adds to each float that crosses to the host; `nil` for none.
    package let sigma: NoiseDeviation?
    /// SHA-256 of the model file, 64 lower-case hexadecimal digits.
    package let modelSHA256: String
    /// SHA-256 of `assessment.json`, 64 lower-case hexadecimal digits.
    package let assessmentSHA256: String
    package let rule: String
    package let reason: String

    /// - Throws: ``AssessmentError`` `.malformedPlan` when a name is empty, a digest is not 64 hexadecimal digits, or there
    ///   is noise where nothing crosses.
    package init(
        front: String, mapping: String, sigma: NoiseDeviation? = nil, modelSHA256: String, assessmentSHA256: String,
        rule: String, reason: String
    ) throws(AssessmentError) {
        for (name, value) in [("front", front), ("mapping", mapping)] where value.isEmpty || value.utf8.count > 4096 {
            throw AssessmentError(
                .malformedPlan, "plan: '\(name)' is empty or over 4096 bytes, expected a layer's name")
        }
        for (name, value) in [("modelSHA256", modelSHA256), ("assessmentSHA256", assessmentSHA256)] {
            guard [UInt8](lowercaseHex: value, count: 32) != nil else {
                throw AssessmentError(
                    .malformedPlan, "plan: '\(name)' is no SHA-256, expected 64 lower-case hexadecimal digits")
            }
        }
        guard sigma == nil || front != mapping else {
            throw AssessmentError(
                .malformedPlan,
                "plan: 'sigma' is given, but everything is inside: nothing crosses that noise could hide")
        }
        self.front = front
        self.mapping = mapping
        self.sigma = sigma
        self.modelSHA256 = modelSHA256
        self.assessmentSHA256 = assessmentSHA256
        self.rule = rule
        self.reason = reason
    }

    /// The file's bytes; equal plans give equal bytes.
    package func encoded() throws(AssessmentError) -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        do {
            return try encoder.encode(self) + Data("\n".utf8)
        } catch { throw AssessmentError(.malformedPlan, "plan cannot be written: \(error)") }
    }

    /// - Throws: ``AssessmentError`` `.malformedPlan` for anything but a complete plan of this version without unknown
    ///   members.
    package init(decoding data: Data) throws(AssessmentError) {
        do {
            self = try PartitionPlan(strictlyDecoding: Array(data), name: "it")
        } catch let error as AssessmentError {
            throw error
        } catch let error as DecodingError {
            throw AssessmentError(.malformedPlan, "plan: \(Self.describe(error)); `infenclave assess` writes one")
        } catch { throw AssessmentError(.malformedPlan, "plan: \(error)") }
    }

    private static func describe(_ error: DecodingError) -> String {
        switch error {
        case .keyNotFound(let key, _): "member '\(key.stringValue)' is missing"
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            "member '\(context.codingPath.map(\.stringValue).joined(separator: "."))' has the wrong type"
        case .dataCorrupted(let context): context.debugDescription
        @unknown default: "it is not as expected"
        }
    }
}

extension PartitionPlan: Codable {
    private enum Member: String, CodingKey, CaseIterable {
        case version, front, mapping, sigma, modelSHA256, assessmentSHA256, rule, reason
    }

    private struct AnyMember: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { return nil }
    }

    package init(from decoder: any Decoder) throws {
        let known = Set(Member.allCases.map(\.rawValue))
        let all = try decoder.container(keyedBy: AnyMember.self).allKeys
        if let unknown = all.map(\.stringValue).filter({ !known.contains($0) }).min() {
            throw AssessmentError(.malformedPlan, "plan: member '\(unknown.prefix(80))' is unknown")
        }
        let members = try decoder.container(keyedBy: Member.self)
        let version = try members.decode(Int.self, forKey: .version)
        guard version == Self.version else {
            throw AssessmentError(
                .malformedPlan, "plan: version \(version) is unknown, this build reads \(Self.version)")
        }
        func string(_ member: Member) throws -> String { try members.decode(String.self, forKey: member) }
        try self.init(
            front: string(.front), mapping: string(.mapping),
            sigma: members.decodeIfPresent(NoiseDeviation.self, forKey: .sigma), modelSHA256: string(.modelSHA256),
            assessmentSHA256: string(.assessmentSHA256), rule: string(.rule), reason: string(.reason))
    }

    package func encode(to encoder: any Encoder) throws {
        var members = encoder.container(keyedBy: Member.self)
        try members.encode(Self.version, forKey: .version)
        try members.encode(front, forKey: .front)
        try members.encode(mapping, forKey: .mapping)
        try members.encodeIfPresent(sigma, forKey: .sigma)
        try members.encode(modelSHA256, forKey: .modelSHA256)
        try members.encode(assessmentSHA256, forKey: .assessmentSHA256)
        try members.encode(rule, forKey: .rule)
        try members.encode(reason, forKey: .reason)
    }
}
