extension BundleManifest {
    /// What an assessment said of the bundle's cuts and noise, for the policies of clients.
    ///
    /// The owner runs `assess` on a machine of its own and signs what came out. So this proves no honesty: nothing here
    /// shows that the pictures were apt, or that the numbers were measured at all. It binds the owner to one file. Anybody
    /// may ask for that file, compare its digest, read what it says, and repeat the assessment. The assessment is of the
    /// model in f32; what another ``BundleManifest/precision`` changes in leakage was not measured.
    public struct Assessment: Sendable, Hashable, Codable {
        /// `assessed`, or `none` when no assessment was given.
        public var status: String
        /// SHA-256 of `assessment.json`, 64 hexadecimal digits; empty when there is none.
        public var sha256: String
        /// One line for people, composed from the file.
        public var headline: String
        /// The gates that the plan was judged by: `standard`, `strict` or `custom`; empty when there is no assessment.
        public var gates: String
        /// Whom the gates were to hold against: `paper`, `informed` or `both`; empty when there is no assessment.
        public var adversary: String
        /// Whether this plan met every gate that counts against ``adversary``. Everything inside meets all.
        public var passes: Bool
        /// How many pictures the decision rests on; 0 when there is no assessment.
        public var pictures: Int
        /// What the cut had to protect: some of ``assets``, in their order; empty when there is no assessment.
        public var protected: [String]
        /// The gates hold against an attacker who learns from so many pictures; 0 when there is no assessment.
        public var attackerPictures: Int

        /// What a cut can lose of a picture.
        public static let assets = ["appearance", "identity", "class"]

        public init(
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

        public static let none = Assessment(
            status: "none", sha256: "", headline: "The cuts were chosen by hand; their leakage was not assessed.",
            gates: "", adversary: "", passes: false, pictures: 0, protected: [], attackerPictures: 0)

        /// What contradicts the format or the rest; `nil` when nothing does.
        var fault: String? {
            switch status {
            case "none":
                guard sha256.isEmpty, gates.isEmpty, adversary.isEmpty, !passes, pictures == 0, protected.isEmpty,
                    attackerPictures == 0
                else {
                    return "assessment.status is none, but the other members tell of an assessment"
                }
            case "assessed":
                let isDigest =
                    sha256.utf8.count == 64
                    && sha256.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
                guard isDigest else { return "assessment.sha256 is not 64 hexadecimal digits" }
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
