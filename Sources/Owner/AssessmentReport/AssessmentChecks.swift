// SPDX-License-Identifier: Apache-2.0
internal import LeakageAssessment
internal import Tensors

/// Consistency checks of an assessment before a plan is taken from it.
extension AssessmentContent {
    /// The gates and the adversary. Gates with a built-in name must have this program's limits.
    func judged() throws(AssessmentError) -> (Gates, Adversary) {
        guard let adversary = Adversary(rawValue: adversary) else {
            throw Self.failure("'adversary' is not paper, informed or both")
        }
        let read = Gates(name: gates.name, gates.limits)
        guard [Gates.standard, .strict].contains(read) || read.name == "custom" else {
            throw Self.failure(
                "'gates' is neither custom nor what this build calls standard or strict; assess the model again")
        }
        return (read, adversary)
    }

    /// - Throws: ``AssessmentError`` `.malformedAssessment` for a name that is no asset, or one that is there twice.
    func assets() throws(AssessmentError) -> Set<Asset> {
        let assets = Set(protected.compactMap(Asset.init(rawValue:)))
        guard assets.count == protected.count else {
            throw Self.failure("'protected' lists something else than appearance, identity and class, each once")
        }
        return assets
    }

    /// Whether the plan met the gates; `nil` when it was not compared.
    func verdict(of place: Place) -> Bool? {
        if let plan = plans.first(where: { $0.place == place }) { return plan.passesGates }
        // If everything inside was not timed, it is recommended without being compared.
        return place == recommendation.place && recommendation.everythingInside ? true : nil
    }

    /// - Throws: ``AssessmentError`` `.malformedAssessment` when the decision contradicts the data that it is based on.
    func check() throws(AssessmentError) {
        if let member = model.malformedDigest {
            throw Self.failure("'model.\(member)' is not 64 hexadecimal digits")
        }
        guard (1...1 << 31).contains(images) else { throw Self.failure("'images' is \(images), expected 1 or more") }
        guard (1...1 << 53).contains(attackerPictures) else {
            throw Self.failure("'attackerPictures' is \(attackerPictures), expected 1 or more")
        }
        guard Set(plans.map(\.place)).count == plans.count else { throw Self.failure("'plans' lists a plan twice") }
        guard Set(cuts.map(\.name)).count == cuts.count else { throw Self.failure("'cuts' lists a cut twice") }
        let cuts = Dictionary(uniqueKeysWithValues: cuts.map { ($0.name, $0) })
        for plan in plans {
            let verdict: Bool?
            if plan.everythingInside {
                verdict = plan.front == plan.mapping && plan.sigma == nil ? true : nil
            } else if let sigma = plan.sigma {
                verdict = cuts[plan.front]?.noise.flatMap { $0.sigma == sigma ? $0.passes : nil }
            } else {
                verdict = cuts[plan.front]?.gates.passes
            }
            guard plan.everythingInside == (plan.front == plan.mapping), verdict == plan.passesGates else {
                throw Self.failure("'plans' contradicts what 'cuts' says of the plan's cut")
            }
        }
        let decision = recommendation
        guard decision.everythingInside == (decision.front == decision.mapping),
            decision.sigma == nil || !decision.everythingInside, verdict(of: decision.place) == true
        else { throw Self.failure("'recommendation' is not among 'plans', or not within the gates") }
        for place in [decision.nextSafer, decision.nextFaster] {
            guard let place else { continue }
            guard verdict(of: place) != nil else {
                throw Self.failure("a plan of 'recommendation' is not among 'plans'")
            }
        }
    }
}
