// SPDX-License-Identifier: Apache-2.0
import Evidence
import StrictJSON

/// A statement signed by Intel, in the form that its service returns: `{"tcbInfo":{…},"signature":"hex"}`, or
/// `enclaveIdentity` in place of `tcbInfo`. The signature covers the exact bytes of the member.
struct SignedCollateral: Sendable {
    let content: JSONText
    /// R and S, 64 bytes.
    let signature: [UInt8]

    /// - Parameter member: The name of the signed member.
    init(_ json: [UInt8], member: String) throws(JSONFault) {
        let members = try JSONText(json, name: "the file").object()
        content = try members[member]
        signature = try members["signature"].hex(64)
    }
}

extension JSONText {
    /// A time as Intel writes it.
    func timestamp() throws(JSONFault) -> Timestamp {
        guard let time = Timestamp(iso8601: try string()) else { throw JSONFault("\(name) is not a time") }
        return time
    }

    /// An unknown status is refused, since its meaning is unknown.
    func tcbStatus() throws(JSONFault) -> TCBStatus {
        let text = try string()
        guard let status = TCBStatus(rawValue: text) else { throw JSONFault("\(name) is '\(text)', an unknown status") }
        return status
    }
}

/// The members that the TCB levels of TCB info, TDX module and QE identity have in common.
struct TCBLevelState: Sendable {
    let status: TCBStatus
    let date: Timestamp
    let advisories: [String]

    init(_ level: JSONObject) throws(JSONFault) {
        status = try level["tcbStatus"].tcbStatus()
        date = try level["tcbDate"].timestamp()
        var advisories: [String] = []
        if let list = level.members["advisoryIDs"] {
            for advisory in try list.array() { advisories.append(try advisory.string()) }
        }
        self.advisories = advisories
    }
}

/// A level that one security version decides on.
struct SVNLevel: Sendable {
    let svn: Int
    let state: TCBLevelState

    static func levels(_ list: JSONText) throws(JSONFault) -> [SVNLevel] {
        var levels: [SVNLevel] = []
        for element in try list.array() {
            let level = try element.object()
            let svn = try level["tcb"].object()["isvsvn"].integer()
            levels.append(SVNLevel(svn: svn, state: try TCBLevelState(level)))
        }
        return levels.sorted { $0.svn > $1.svn }
    }
}
