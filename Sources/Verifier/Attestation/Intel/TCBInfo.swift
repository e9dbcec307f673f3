// SPDX-License-Identifier: Apache-2.0
import Evidence
import StrictJSON

/// Intel's list of security versions of one kind of platform. Decoded after its signature was checked.
///
/// - Source: Intel PCS API v4, TCB info version 3 (and 2, which is of SGX only).
struct TCBInfo: Sendable {
    struct Level: Sendable {
        let sgxComponents: [Int]
        let pceSVN: Int
        /// TDX only; else empty.
        let tdxComponents: [Int]
        let state: TCBLevelState
    }

    /// The signer and attributes that a TDX module must have.
    struct ModuleIdentity: Sendable {
        let signer: [UInt8]
        let attributes: [UInt8]
        /// Empty for modules of major version 0.
        let levels: [SVNLevel]
    }

    let tee: TEEKind
    let issueDate: Timestamp
    let nextUpdate: Timestamp
    let fmspc: [UInt8]
    let pceID: [UInt8]
    let evaluationDataNumber: Int
    /// The levels, from the newest to the oldest.
    let levels: [Level]
    /// The identities of TDX modules, by the module's major version.
    let modules: [UInt8: ModuleIdentity]

    static let versions = 2...3

    init(_ json: JSONText) throws(JSONFault) {
        let members = try json.object()
        let version = try members["version"].integer()
        guard Self.versions.contains(version) else { throw JSONFault("version \(version) of TCB info is not known") }
        // Version 2 has no member for the TEE, because there was only SGX.
        let id = version == 2 ? "SGX" : try members["id"].string()
        guard let tee = ["SGX": TEEKind.sgx, "TDX": .tdx][id] else { throw JSONFault("id of TCB info is '\(id)'") }
        guard try members["tcbType"].integer() == 0 else { throw JSONFault("tcbType of TCB info is not 0") }
        self.tee = tee
        issueDate = try members["issueDate"].timestamp()
        nextUpdate = try members["nextUpdate"].timestamp()
        fmspc = try members["fmspc"].hex(6)
        pceID = try members["pceId"].hex(2)
        evaluationDataNumber = try members["tcbEvaluationDataNumber"].integer()
        levels = try Self.levels(members["tcbLevels"], version, tee)
        modules = tee == .tdx ? try Self.modules(members) : [:]
    }

    private static func levels(
        _ list: JSONText, _ version: Int, _ tee: TEEKind
    ) throws(JSONFault) -> [Level] {
        var levels: [Level] = []
        for element in try list.array() {
            let level = try element.object()
            let tcb = try level["tcb"].object()
            var old: [Int] = []
            if version == 2 {
                for index in 1...16 {
                    old.append(try tcb["sgxtcbcomp\(index < 10 ? "0" : "")\(index)svn"].integer())
                }
            }
            levels.append(
                Level(
                    sgxComponents: version == 2 ? old : try components(tcb["sgxtcbcomponents"]),
                    pceSVN: try tcb["pcesvn"].integer(),
                    tdxComponents: tee == .tdx ? try components(tcb["tdxtcbcomponents"]) : [],
                    state: try TCBLevelState(level)))
        }
        // Evaluation relies on this order, whatever the order in the file.
        return levels.sorted { first, second in
            let keys = zip(
                first.sgxComponents + [first.pceSVN] + first.tdxComponents,
                second.sgxComponents + [second.pceSVN] + second.tdxComponents)
            return keys.first { $0 != $1 }.map { $0 > $1 } ?? false
        }
    }

    private static func components(_ list: JSONText) throws(JSONFault) -> [Int] {
        var components: [Int] = []
        for element in try list.array() { components.append(try element.object()["svn"].integer()) }
        guard components.count == 16 else { throw JSONFault("\(list.name) has \(components.count) entries, not 16") }
        return components
    }

    private static func modules(_ members: JSONObject) throws(JSONFault) -> [UInt8: ModuleIdentity] {
        let first = try members["tdxModule"].object()
        var modules: [UInt8: ModuleIdentity] = [0: try module(first, levels: [])]
        guard let identities = members.members["tdxModuleIdentities"] else { return modules }
        for element in try identities.array() {
            let identity = try element.object()
            let id = try identity["id"].string()
            guard id.hasPrefix("TDX_"), let version = [UInt8](hex: id.dropFirst(4)), version.count == 1,
                version[0] > 0, id.dropFirst(4) == version.hex.uppercased()
            else { throw JSONFault("id of a TDX module identity is '\(id)'") }
            let module = try module(identity, levels: SVNLevel.levels(identity["tcbLevels"]))
            guard modules.updateValue(module, forKey: version[0]) == nil else {
                throw JSONFault("there are two TDX module identities '\(id)'")
            }
        }
        return modules
    }

    private static func module(_ members: JSONObject, levels: [SVNLevel]) throws(JSONFault) -> ModuleIdentity {
        ModuleIdentity(
            signer: try members["mrsigner"].hex(48), attributes: try members["attributes"].hex(8), levels: levels)
    }
}
