// SPDX-License-Identifier: Apache-2.0
import Evidence
import StrictJSON

/// Intel's description of its quoting enclave. Decoded after its signature was checked.
///
/// - Source: Intel PCS API v4, enclave identity version 2.
struct QEIdentity: Sendable {
    let tee: TEEKind
    let issueDate: Timestamp
    let nextUpdate: Timestamp
    let evaluationDataNumber: Int
    let levels: [SVNLevel]
    private let miscSelect: [UInt8]
    private let miscSelectMask: [UInt8]
    private let attributes: [UInt8]
    private let attributesMask: [UInt8]
    private let signer: [UInt8]
    private let productID: Int

    static let version = 2

    init(_ json: JSONText) throws(JSONFault) {
        let members = try json.object()
        guard try members["version"].integer() == Self.version else {
            throw JSONFault("the version of the QE identity is not known")
        }
        let id = try members["id"].string()
        guard let tee = ["QE": TEEKind.sgx, "TD_QE": .tdx][id] else { throw JSONFault("id of QE identity is '\(id)'") }
        self.tee = tee
        issueDate = try members["issueDate"].timestamp()
        nextUpdate = try members["nextUpdate"].timestamp()
        evaluationDataNumber = try members["tcbEvaluationDataNumber"].integer()
        levels = try SVNLevel.levels(members["tcbLevels"])
        miscSelect = try members["miscselect"].hex(4)
        miscSelectMask = try members["miscselectMask"].hex(4)
        attributes = try members["attributes"].hex(16)
        attributesMask = try members["attributesMask"].hex(16)
        signer = try members["mrsigner"].hex(32)
        productID = try members["isvprodid"].integer()
    }

    /// The part of the report that differs from the description; `nil` if none does.
    func difference(from report: SGXReport) -> (found: String, expected: String)? {
        func masked(_ bytes: [UInt8], _ mask: [UInt8]) -> [UInt8] { zip(bytes, mask).map { $0 & $1 } }
        if masked(report.miscSelect, miscSelectMask) != miscSelect {
            return ("miscselect \(report.miscSelect.hex)", "\(miscSelect.hex) under mask \(miscSelectMask.hex)")
        }
        if masked(report.attributes, attributesMask) != attributes {
            return ("attributes \(report.attributes.hex)", "\(attributes.hex) under mask \(attributesMask.hex)")
        }
        if report.mrSigner != signer { return ("mrsigner \(report.mrSigner.hex)", signer.hex) }
        if report.productID != productID { return ("isvprodid \(report.productID)", "\(productID)") }
        return nil
    }
}
