// SPDX-License-Identifier: Apache-2.0
internal import Crypto
package import FoundationEssentials
internal import Hexadecimal
package import LeakageAssessment
package import Tensors

/// The content of `assessment.json`: the model, the decision, and every plan that was compared.
package struct AssessmentFile: Sendable {
    /// Limit of the file's size in bytes; ResNet-50 with every cut takes 1 MB.
    package static let maximumBytes = 1 << 26

    /// A plan that the assessment compared, with its verdict.
    package struct Plan: Sendable, Hashable {
        package enum Role: String, Sendable {
            case recommended = "The recommended plan"
            case nextSafer = "The next safer plan"
            case nextFaster = "The next faster plan"
            case compared = "Another plan"
        }

        package let role: Role
        /// Whether it met all gates.
        package let passesGates: Bool
        package let everythingInside: Bool
    }

    /// SHA-256 of the file, 64 hexadecimal digits.
    package let sha256: String
    package let model: AssessedNetwork
    /// Number of images that the decision is based on.
    package let pictures: Int
    package let gates: Gates
    package let adversary: Adversary
    /// The protected assets, and the number of the attacker's training images.
    package let protected: Set<Asset>
    package let attackerPictures: Int
    /// Names of the cuts that were assessed.
    package var cuts: Set<String> { Set(content.cuts.map(\.name)) }
    private let content: AssessmentContent

    /// Reads the file. Members of later versions are ignored. Members that the decision is based on are required and
    /// must agree with each other.
    ///
    /// - Throws: ``AssessmentError`` `.malformedAssessment`.
    package init(decoding data: Data) throws(AssessmentError) {
        guard data.count <= Self.maximumBytes else {
            throw AssessmentError(
                .malformedAssessment, "the assessment has \(data.count) bytes, the limit is \(Self.maximumBytes)")
        }
        content = try AssessmentContent(decoding: data)
        (gates, adversary) = try content.judged()
        protected = try content.assets()
        attackerPictures = content.attackerPictures
        try content.check()
        sha256 = SHA256.hash(data: data).hex
        model = content.model
        pictures = content.images
    }

    /// The plan with these cuts and this noise; `nil` when the assessment did not compare it.
    package func plan(front: String, mapping: String, sigma: NoiseDeviation?) -> Plan? {
        let place = AssessmentContent.Place(front: front, mapping: mapping, sigma: sigma)
        guard let passes = content.verdict(of: place) else { return nil }
        let decision = content.recommendation
        let role: Plan.Role =
            place == decision.place
            ? .recommended
            : place == decision.nextSafer ? .nextSafer : place == decision.nextFaster ? .nextFaster : .compared
        return Plan(role: role, passesGates: passes, everythingInside: front == mapping)
    }

    /// One line of text. It contains no text from the file, neither a layer's name nor the reason.
    package func headline(of plan: Plan) -> String {
        let subject = "\(plan.role.rawValue) of an assessment with \(pictures) pictures"
        guard !plan.everythingInside else { return "\(subject): everything is inside, so nothing crosses to the host." }
        let main = [Gate.rSquared, .similarityGain].compactMap { gate in gates[gate].map { gate.sentence($0) } }
        let limits = gates.name == "custom" ? " (\(main.joined(separator: ", ")))" : ""
        let opponent =
            switch adversary {
            case .paper: "the paper's adversary, who looks at one channel at a time"
            case .informed: "the informed adversary"
            case .both: "the paper's adversary and the informed one"
            }
        return "\(subject): it \(plan.passesGates ? "meets" : "does not meet") the gates '\(gates.name)'\(limits) of "
            + "\(Asset.sentence(protected)) against \(opponent) with \(attackerPictures) pictures."
    }
}
