// SPDX-License-Identifier: Apache-2.0
import Evidence
import StrictJSON

extension Policy {
    /// No policy is larger.
    static let maximumBytes = 1 << 20

    /// Members of the file. The schema lists the same ones.
    package static let members: Set<String> = [
        "version", "tee", "ownerPublicKey", "manifestDigest", "developmentKey", "measurements", "productID",
        "minimumTCB", "tcbStatuses", "advisories", "minimumEvaluationDataNumber", "allowDebug", "allowMigration",
        "maximumVMPL", "flags", "mitigations", "maximumAgeSeconds", "nonce", "reportData", "skip", "everythingInside",
        "maximumBoundaryBytes", "minimumSigma", "maximumSigma", "pixelsOnly", "maximumLeaseSeconds", "assessment",
    ]
    /// The members of `skip`, each with a reason. Owner, session and debug mode are never skipped.
    package static let skippable: Set<String> = [
        "manifestDigest", "measurements", "productID", "minimumTCB", "advisories", "minimumEvaluationDataNumber",
        "flags", "maximumAgeSeconds", "revocation", "everythingInside",
    ]

    /// Reads a policy file.
    ///
    /// - Throws: ``AttestationError`` (invalidPolicy) naming the member that is wrong.
    public init(json: [UInt8]) throws(AttestationError) {
        guard json.count <= Self.maximumBytes else {
            throw AttestationError(
                .invalidPolicy, "the policy has \(json.count) bytes; expected at most \(Self.maximumBytes)")
        }
        do throws(JSONFault) {
            try self.init(JSONText(json, name: "policy").object())
        } catch {
            throw AttestationError(
                .invalidPolicy,
                "the policy cannot be used: \(error.description); expected what Documentation/policy.schema.json says")
        }
    }

    private init(_ members: JSONObject) throws(JSONFault) {
        // The version comes first, because another version may have other members.
        guard let version = members.members["version"] else {
            throw JSONFault(
                "policy has no member 'version'; add \"version\": \(Self.version) if it was written for this version, or make it "
                    + "again with `infenclave policy`")
        }
        guard try version.integer() == Self.version else {
            throw JSONFault(
                "version is not \(Self.version); make the policy again with this version's `infenclave policy`")
        }
        try members.refuseMembers(otherThan: Self.members)
        self.init(tee: try Self.kinds(members["tee"]))
        let skips = try Skips(members)

        ownerPublicKey = try skips.requirement("ownerPublicKey") { value throws(JSONFault) in try value.hex(32) }
        manifestDigest = try skips.requirement("manifestDigest") { value throws(JSONFault) in try value.hex(32) }
        developmentKey = try skips.requirement("developmentKey") { value throws(JSONFault) in try value.hex(32) }
        measurements = try skips.requirement("measurements", Self.measurements)
        productID = try skips.requirement("productID") { value throws(JSONFault) in try value.natural() }
        minimumTCB = try skips.requirement("minimumTCB", Self.versions)
        advisories = try skips.requirement("advisories") { value throws(JSONFault) in try value.strings() }
        minimumEvaluationDataNumber = try skips.requirement("minimumEvaluationDataNumber") {
            value throws(JSONFault) in try value.natural()
        }
        maximumAgeSeconds = try skips.requirement("maximumAgeSeconds") { value throws(JSONFault) in
            try value.natural()
        }
        flags = try skips.requirement("flags", Self.flags)
        mitigations = try skips.requirement("mitigations", Self.mitigations)
        nonce = try skips.requirement("nonce") { value throws(JSONFault) in try value.hex() }
        reportData = try skips.requirement("reportData") { value throws(JSONFault) in try value.hex() }
        revocationSkip = try skips.reason("revocation")

        everythingInside = try skips.requirement("everythingInside", Self.demand)
        pixelsOnly = try skips.requirement("pixelsOnly", Self.demand)
        maximumBoundaryBytes = try skips.requirement("maximumBoundaryBytes") { value throws(JSONFault) in
            try value.natural()
        }
        minimumSigma = try skips.requirement("minimumSigma", Self.deviation)
        maximumSigma = try skips.requirement("maximumSigma", Self.deviation)
        maximumLeaseSeconds = try skips.requirement("maximumLeaseSeconds") { value throws(JSONFault) in
            try value.natural()
        }
        assessment = try skips.requirement("assessment", Self.assessment)

        if let statuses = members.members["tcbStatuses"] { tcbStatuses = try Self.statuses(statuses) }
        if let debug = members.members["allowDebug"] { allowsDebug = try debug.boolean() }
        if let migration = members.members["allowMigration"] { allowsMigration = try migration.boolean() }
        if let vmpl = members.members["maximumVMPL"] {
            let value = try vmpl.natural()
            guard value <= 3 else { throw JSONFault("maximumVMPL is more than 3") }
            maximumVMPL = UInt32(value)
        }
    }

    private static func kinds(_ list: JSONText) throws(JSONFault) -> Set<TEEKind> {
        var kinds: Set<TEEKind> = []
        for name in try list.strings() {
            guard let kind = TEEKind(rawValue: name) else {
                throw JSONFault(
                    "tee has '\(name)', which is none of "
                        + TEEKind.allCases.map(\.rawValue).joined(separator: ", "))
            }
            kinds.insert(kind)
        }
        guard !kinds.isEmpty else { throw JSONFault("tee is empty") }
        return kinds
    }

    private static func statuses(_ list: JSONText) throws(JSONFault) -> Set<TCBStatus> {
        var statuses: Set<TCBStatus> = []
        for name in try list.strings() {
            guard let status = TCBStatus(rawValue: name), status != .revoked else {
                throw JSONFault("tcbStatuses has '\(name)', which cannot be accepted")
            }
            statuses.insert(status)
        }
        return statuses
    }

    private static func measurements(_ value: JSONText) throws(JSONFault) -> [String: Set<[UInt8]>] {
        var measurements: [String: Set<[UInt8]>] = [:]
        for (name, values) in try value.object().members {
            var accepted: Set<[UInt8]> = []
            for value in try values.array() { accepted.insert(try value.hex()) }
            guard !accepted.isEmpty else { throw JSONFault("measurements.\(name) lists no value") }
            measurements[name] = accepted
        }
        guard !measurements.isEmpty else { throw JSONFault("measurements is empty; say in 'skip' why") }
        return measurements
    }

    private static func versions(_ value: JSONText) throws(JSONFault) -> [String: Int] {
        var versions: [String: Int] = [:]
        for (name, value) in try value.object().members { versions[name] = try value.natural() }
        guard !versions.isEmpty else { throw JSONFault("minimumTCB is empty; say in 'skip' why") }
        return versions
    }

    private static func mitigations(_ value: JSONText) throws(JSONFault) -> MitigationDemand {
        let object = try value.object()
        try object.refuseMembers(otherThan: ["launch", "current"])
        func bits(_ name: String) throws(JSONFault) -> Set<Int> {
            var bits: Set<Int> = []
            guard let list = try object.members[name]?.array() else { return bits }
            guard !list.isEmpty else { throw JSONFault("mitigations.\(name) is empty; leave it out") }
            for bit in list {
                guard bits.insert(try bit.natural()).inserted else {
                    throw JSONFault("mitigations.\(name) names a bit twice")
                }
            }
            return bits
        }
        guard let demand = MitigationDemand(launch: try bits("launch"), current: try bits("current")) else {
            throw JSONFault("mitigations names no bit from 0 to 63 in 'launch' or 'current', or another number")
        }
        return demand
    }

    /// A demand is either present or absent: `false` demands nothing, and is refused so that nobody takes it for a
    /// demand.
    private static func demand(_ value: JSONText) throws(JSONFault) -> Bool {
        guard try value.boolean() else { throw JSONFault("\(value.name) is false; leave it out") }
        return true
    }

    private static func deviation(_ value: JSONText) throws(JSONFault) -> Double {
        let number = try value.number()
        guard number >= 0 else { throw JSONFault("\(value.name) is negative") }
        return number
    }

    private static func assessment(_ value: JSONText) throws(JSONFault) -> AssessmentDemand {
        let object = try value.object()
        try object.refuseMembers(otherThan: ["sha256", "gates", "protects", "attackerPictures"])
        var gates: AssessmentDemand.Gates?
        if let name = try object.members["gates"]?.string() {
            gates = AssessmentDemand.Gates(rawValue: name)
            guard gates != nil else { throw JSONFault("assessment.gates is neither standard nor strict") }
        }
        var digest: [UInt8]?
        if let text = object.members["sha256"] { digest = try text.hex(32) }
        var protects: Set<AssessmentDemand.Asset> = []
        for name in try object.members["protects"]?.array() ?? [] {
            guard let asset = AssessmentDemand.Asset(rawValue: try name.string()), protects.insert(asset).inserted
            else {
                throw JSONFault(
                    "assessment.protects lists something else than appearance, identity and class, each once")
            }
        }
        var attackerPictures: Int?
        if let number = try object.members["attackerPictures"]?.integer() {
            guard number >= 1 else { throw JSONFault("assessment.attackerPictures is \(number), expected 1 or more") }
            attackerPictures = number
        }
        guard
            let demand = AssessmentDemand(
                digest: digest, gates: gates, protects: protects, attackerPictures: attackerPictures)
        else {
            throw JSONFault("assessment names none of sha256, gates, protects and attackerPictures")
        }
        return demand
    }

    private static func flags(_ value: JSONText) throws(JSONFault) -> [String: Bool] {
        var flags: [String: Bool] = [:]
        for (name, value) in try value.object().members { flags[name] = try value.boolean() }
        guard !flags.isEmpty else { throw JSONFault("flags is empty; say in 'skip' why") }
        return flags
    }

    /// The policy's members and its object `skip`, which gives a reason for each check that is left out.
    private struct Skips {
        let members: JSONObject
        let reasons: [String: JSONText]

        init(_ members: JSONObject) throws(JSONFault) {
            self.members = members
            guard let skip = members.members["skip"] else {
                self.reasons = [:]
                return
            }
            let object = try skip.object()
            try object.refuseMembers(otherThan: Policy.skippable)
            self.reasons = object.members
        }

        func reason(_ key: String) throws(JSONFault) -> String? {
            guard let reason = try reasons[key]?.string() else { return nil }
            guard !reason.isEmpty else { throw JSONFault("skip.\(key) gives no reason") }
            return reason
        }

        func requirement<Value>(
            _ key: String, _ read: (JSONText) throws(JSONFault) -> Value
        ) throws(JSONFault) -> Requirement<Value> {
            switch (members.members[key], try reason(key)) {
            case (let value?, nil): return .require(try read(value))
            case (nil, let reason?): return .skip(reason: reason)
            case (nil, nil): return .unstated
            case (_?, _?): throw JSONFault("\(key) is both required and skipped")
            }
        }
    }
}

extension JSONText {
    fileprivate func natural() throws(JSONFault) -> Int {
        let value = try integer()
        guard value >= 0 else { throw JSONFault("\(name) is negative") }
        return value
    }

    fileprivate func strings() throws(JSONFault) -> Set<String> {
        var strings: Set<String> = []
        for element in try array() { strings.insert(try element.string()) }
        return strings
    }
}
