// SPDX-License-Identifier: Apache-2.0
internal import FoundationEssentials
internal import LeakageAssessment
import StrictJSON
internal import Tensors

/// The members of `assessment.json` that the decision is based on.
struct AssessmentContent: Decodable, Sendable {
    /// Cuts and noise, which identify a plan.
    struct Place: Decodable, Sendable, Hashable {
        let front: String
        let mapping: String
        let sigma: NoiseDeviation?
    }

    /// The gates: a name, and a number for each of ``Gate/all``, or `null` where a gate may have no limit.
    struct Limits: Decodable, Sendable {
        private struct Member: CodingKey {
            let stringValue: String
            var intValue: Int? { nil }
            init(_ name: String) { stringValue = name }
            init?(stringValue: String) { self.stringValue = stringValue }
            init?(intValue: Int) { return nil }
        }

        let name: String
        let limits: [Gate: Double]

        init(from decoder: any Decoder) throws {
            let members = try decoder.container(keyedBy: Member.self)
            name = try members.decode(String.self, forKey: Member("name"))
            var limits: [Gate: Double] = [:]
            for gate in Gate.all {
                let member = Member(gate.name)
                limits[gate] =
                    gate.omission == .unlimited
                    ? try members.decodeIfPresent(Double.self, forKey: member)
                    : try members.decode(Double.self, forKey: member)
            }
            self.limits = limits
        }
    }

    struct Cut: Decodable, Sendable {
        struct Verdict: Decodable, Sendable { let passes: Bool }

        struct Noise: Decodable, Sendable {
            let sigma: NoiseDeviation
            let passes: Bool
        }

        let name: String
        let gates: Verdict
        let noise: Noise?
    }

    struct Plan: Decodable, Sendable {
        let front: String
        let mapping: String
        let sigma: NoiseDeviation?
        let everythingInside: Bool
        let passesGates: Bool

        var place: Place { Place(front: front, mapping: mapping, sigma: sigma) }
    }

    struct Decision: Decodable, Sendable {
        let front: String
        let mapping: String
        let sigma: NoiseDeviation?
        let everythingInside: Bool
        let nextSafer: Place?
        let nextFaster: Place?

        var place: Place { Place(front: front, mapping: mapping, sigma: sigma) }
    }

    let model: AssessedNetwork
    let images: Int
    let adversary: String
    let protected: [String]
    let attackerPictures: Int
    let gates: Limits
    let cuts: [Cut]
    let recommendation: Decision
    let plans: [Plan]

    /// - Throws: ``AssessmentError`` `.malformedAssessment` that names the member.
    init(decoding data: Data) throws(AssessmentError) {
        do throws(JSONFault) { _ = try StrictJSON.JSONText(Array(data), name: "it") } catch {
            throw Self.failure(error.description)
        }
        struct Version: Decodable { let version: Int }
        let decoder = JSONDecoder()
        guard let version = try? decoder.decode(Version.self, from: data) else {
            throw Self.failure("it is not JSON with a version; `infenclave assess` writes one")
        }
        guard version.version == AssessmentJSON.version else {
            throw Self.failure(
                "version \(version.version) is unknown, this build reads \(AssessmentJSON.version); assess the model again"
            )
        }
        do { self = try decoder.decode(Self.self, from: data) } catch { throw Self.failure(Self.describe(error)) }
    }

    static func failure(_ message: String) -> AssessmentError {
        AssessmentError(.malformedAssessment, "the assessment: \(message)")
    }

    private static func describe(_ error: any Error) -> String {
        func path(_ context: DecodingError.Context, _ last: String? = nil) -> String {
            "'" + (context.codingPath.map(\.stringValue) + (last.map { [$0] } ?? [])).joined(separator: ".") + "'"
        }
        switch error {
        case DecodingError.keyNotFound(let key, let context):
            return "member \(path(context, key.stringValue)) is missing"
        case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context),
            DecodingError.dataCorrupted(let context):
            return "member \(path(context)) is not what the form demands"
        default: return "it cannot be read"
        }
    }
}
