// SPDX-License-Identifier: Apache-2.0
import Evidence

/// Finds the TCB level of a platform and merges its parts.
///
/// - Source: Intel PCS API v4, "TCB info"; Intel's quote verification library of 2026.
struct TCBEvaluation {
    let info: TCBInfo
    let pck: PCKExtension
    let quotingEnclave: TCBLevelState

    struct Result: Sendable {
        var status: TCBStatus
        let date: Timestamp
        let advisories: [String]
    }

    /// Why there is no status.
    struct Unsupported: Error {
        let found: String
    }

    /// - Parameter report: The TD's report; `nil` for SGX.
    func result(_ report: TDReport?) throws(Unsupported) -> Result {
        guard let report else { return try result(svns: nil) }
        var result = try result(svns: report.teeTCBSVN)
        if let current = report.currentTEETCBSVN {
            result.status = result.status.launched(current: try self.result(svns: current).status)
        }
        return result
    }

    private func result(svns: [UInt8]?) throws(Unsupported) -> Result {
        guard let platform = info.levels.first(where: { reaches($0, svns) }) else {
            throw Unsupported(
                found: "components \(pck.components), PCESVN \(pck.pceSVN)"
                    + (svns.map { ", TEE TCB SVN \($0.hex)" } ?? ""))
        }
        var parts = [quotingEnclave]
        if let svns, svns[1] > 0 {
            // Modules of major version 0 are among the components of the level.
            guard let module = info.modules[svns[1]]?.levels.first(where: { Int(svns[0]) >= $0.svn }) else {
                throw Unsupported(found: "TDX module version \(svns[1]), SVN \(svns[0])")
            }
            parts.append(module.state)
        }
        let all = [platform.state] + parts
        return Result(
            status: parts.reduce(platform.state.status) { $0.merged(with: $1.status) },
            date: all.map(\.date).min() ?? platform.state.date,
            advisories: Set(all.flatMap(\.advisories)).sorted())
    }

    /// One level has to be reached in all three parts at once.
    private func reaches(_ level: TCBInfo.Level, _ svns: [UInt8]?) -> Bool {
        guard zip(pck.components, level.sgxComponents).allSatisfy({ $0 >= $1 }), pck.pceSVN >= level.pceSVN else {
            return false
        }
        guard let svns else { return true }
        let first = svns[1] > 0 ? 2 : 0
        return zip(svns, level.tdxComponents).dropFirst(first).allSatisfy { Int($0) >= $1 }
    }
}
