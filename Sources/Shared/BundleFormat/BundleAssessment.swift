// SPDX-License-Identifier: Apache-2.0
import Evidence

extension BundleManifest {
    /// What an assessment said about the bundle's cuts and noise, for the policies of clients.
    ///
    /// The owner runs `assess` on its own machine and signs the result. So this does not prove honesty: it does not
    /// show that the images were suitable, or that the numbers were measured at all. It binds the owner to one file.
    /// Any client can request that file, compare its digest, read it, and repeat the assessment. The assessment is of
    /// the model in f32; the effect of another ``BundleManifest/precision`` on leakage was not measured.
    public struct Assessment: Sendable, Hashable, Codable {
        /// `assessed`, or `none` when no assessment was given.
        public var status: String
        /// SHA-256 of `assessment.json`, 64 hexadecimal digits; empty when there is none.
        public var sha256: String
        /// One line of text, composed from the file.
        public var headline: String
        /// The name of the gates: `standard`, `strict` or `custom`; empty when there is no assessment.
        public var gates: String
        /// The adversary that the gates had to withstand: `paper`, `informed` or `both`; empty when there is no
        /// assessment.
        public var adversary: String
        /// Whether this plan meets every gate that applies to ``adversary``. Everything inside meets all of them.
        public var passes: Bool
        /// The number of images that the decision is based on; 0 when there is no assessment.
        public var pictures: Int
        /// The assets that the cut had to protect: a subset of ``assets``, in their order; empty when there is no
        /// assessment.
        public var protected: [String]
        /// The number of training images of the attacker that the gates were judged for; 0 when there is no assessment.
        public var attackerPictures: Int

        /// The properties of an image that a cut can reveal.
        public static let assets = ["appearance", "identity", "class"]

        /// The values are not checked here: see ``BundleManifest/init(decoding:)``.
        package init(
            status: String, sha256: String, headline: String, gates: String, adversary: String, passes: Bool,
            pictures: Int, protected: [String], attackerPictures: Int
        ) {
            self.status = status
            self.sha256 = sha256
            self.headline = headline
            self.gates = gates
            self.adversary = adversary
            self.passes = passes
            self.pictures = pictures
            self.protected = protected
            self.attackerPictures = attackerPictures
        }

        /// The value if no assessment was given.
        package static let none = Assessment(
            status: "none", sha256: "", headline: "The cuts were chosen by hand; their leakage was not assessed.",
            gates: "", adversary: "", passes: false, pictures: 0, protected: [], attackerPictures: 0)

        /// What violates the format or contradicts another member; `nil` when there is no fault.
        var fault: String? {
            switch status {
            case "none":
                guard sha256.isEmpty, gates.isEmpty, adversary.isEmpty, !passes, pictures == 0, protected.isEmpty,
                    attackerPictures == 0
                else {
                    return "assessment.status is none, but other members describe an assessment"
                }
            case "assessed":
                guard [UInt8](lowercaseHex: sha256, count: 32) != nil else {
                    return "assessment.sha256 is not 64 hexadecimal digits"
                }
                guard ["standard", "strict", "custom"].contains(gates) else {
                    return "assessment.gates is not standard, strict or custom"
                }
                guard ["paper", "informed", "both"].contains(adversary) else {
                    return "assessment.adversary is not paper, informed or both"
                }
                guard (1...1 << 31).contains(pictures) else { return "assessment.pictures is not 1 to 2147483648" }
                guard protected == Self.assets.filter(protected.contains) else {
                    return
                        "assessment.protected lists something else than appearance, identity and class, in this order"
                }
                guard (1...1 << 53).contains(attackerPictures) else {
                    return "assessment.attackerPictures is not 1 to 9007199254740992"
                }
            default: return "assessment.status is not assessed or none"
            }
            return nil
        }
    }
}
