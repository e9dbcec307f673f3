import Evidence

extension Policy {
    /// No policy is larger.
    static let maximumBytes = 1 << 20

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
            throw AttestationError(.invalidPolicy, "the policy cannot be used: \(error.description)")
        }
    }

    private init(_ members: JSONObject) throws(JSONFault) {
        try members.refuseMembers(otherThan: [
            "version", "tee", "ownerPublicKey", "manifestDigest", "measurements", "developmentKey", "skip",
        ])
        if let version = members.members["version"], try version.integer() != Self.version {
            throw JSONFault("version is not \(Self.version)")
        }
        var kinds: Set<TEEKind> = []
        for name in try members["tee"].array() {
            let name = try name.string()
            guard let kind = TEEKind(rawValue: name) else {
                throw JSONFault("tee has '\(name)', which is none of sgx, tdx, snp, nitro, development")
            }
            kinds.insert(kind)
        }
        guard !kinds.isEmpty else { throw JSONFault("tee is empty") }

        let skips = try Skips(members)
        try self.init(
            tee: kinds,
            ownerPublicKey: skips.requirement("ownerPublicKey") { value throws(JSONFault) in try value.hex(32) },
            manifestDigest: skips.requirement("manifestDigest") { value throws(JSONFault) in try value.hex(32) },
            developmentKey: skips.requirement("developmentKey") { value throws(JSONFault) in try value.hex(32) },
            measurements: skips.requirement("measurements", Self.measurements))
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
            try object.refuseMembers(otherThan: ["manifestDigest", "measurements"])
            self.reasons = object.members
        }

        func requirement<Value>(
            _ key: String, _ read: (JSONText) throws(JSONFault) -> Value
        ) throws(JSONFault) -> Requirement<Value> {
            switch (members.members[key], reasons[key]) {
            case (let value?, nil): return .require(try read(value))
            case (nil, let reason?):
                let reason = try reason.string()
                guard !reason.isEmpty else { throw JSONFault("skip.\(key) gives no reason") }
                return .skip(reason: reason)
            case (nil, nil): return .unstated
            case (_?, _?): throw JSONFault("\(key) is both required and skipped")
            }
        }
    }
}
