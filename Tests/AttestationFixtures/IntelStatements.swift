// SPDX-License-Identifier: Apache-2.0
import Attestation
import Evidence

extension IntelFixture {
    /// What a PCK certificate says of its platform.
    package struct PCK: Sendable {
        package var fmspc: [UInt8] = [0, 0x80, 0x6F, 5, 0, 0]
        package var pceID: [UInt8] = [0, 0]
        package var components = [UInt8](repeating: 9, count: 16)
        package var pceSVN = 11
        /// Whether the certificate has Intel's extension at all.
        package var isPresent = true

        private static let base = [1, 2, 840, 113741, 1, 13, 1]

        var certificateExtension: [UInt8] {
            guard isPresent else { return [] }
            func member(_ arcs: [Int], _ value: [UInt8]) -> [UInt8] {
                DER.sequence(DER.identifier(Self.base + arcs), value)
            }
            let tcb =
                components.enumerated().flatMap { member([2, $0 + 1], DER.integer(Int($1))) }
                + member([2, 17], DER.integer(pceSVN))
            let value = DER.sequence(
                member([1], DER.octets([UInt8](repeating: 1, count: 16))), member([2], DER.sequence(tcb)),
                member([3], DER.octets(pceID)), member([4], DER.octets(fmspc)), member([5], DER.element(0x0A, [0])))
            return DER.certificateExtension(Self.base, value)
        }
    }

    /// A level of TCB info, of a module or of the QE identity.
    package struct Level: Sendable {
        package var svn: Int
        package var status: String
        package var advisories: [String] = []

        package init(_ svn: Int, _ status: String, advisories: [String] = []) {
            self.svn = svn
            self.status = status
            self.advisories = advisories
        }

        var state: String {
            let list = advisories.map { "\"\($0)\"" }.joined(separator: ",")
            return #""tcbDate":"2025-11-12T00:00:00Z","tcbStatus":"\#(status)","advisoryIDs":[\#(list)]"#
        }

        var ofOneSVN: String { #"{"tcb":{"isvsvn":\#(svn)},\#(state)}"# }
    }

    package struct TCBInfo: Sendable {
        package var id: String
        package var version = 3
        package var period = Period.current
        package var fmspc: [UInt8] = [0, 0x80, 0x6F, 5, 0, 0]
        package var evaluation = 17
        /// The minimum of every SGX component. PCESVN 11 and the TDX components of the fixtures reach each.
        package var levels = [Level(9, "UpToDate"), Level(4, "OutOfDate", advisories: ["INTEL-SA-00001"])]
        package var moduleSigner = [UInt8](repeating: 0, count: 48)
        package var moduleLevels = [Level(5, "UpToDate"), Level(2, "OutOfDate")]

        var json: String {
            func components(_ svn: Int) -> String {
                "[" + (0..<16).map { _ in #"{"svn":\#(svn)}"# }.joined(separator: ",") + "]"
            }
            let isTDX = id == "TDX"
            let levels = levels.map { level in
                let tdx = isTDX ? #","tdxtcbcomponents":\#(components(0))"# : ""
                return
                    #"{"tcb":{"sgxtcbcomponents":\#(components(level.svn)),"pcesvn":11\#(tdx)},\#(level.state)}"#
            }
            let identity =
                #""mrsigner":"\#(moduleSigner.hex)","attributes":"0000000000000000","attributesMask":"FFFFFFFFFFFFFFFF""#
            let modules =
                isTDX
                ? #","tdxModule":{\#(identity)},"tdxModuleIdentities":[{"id":"TDX_01",\#(identity),"tcbLevels":["#
                    + moduleLevels.map(\.ofOneSVN).joined(separator: ",") + "]}]" : ""
            return
                #"{"id":"\#(id)","version":\#(version),"issueDate":"\#(period.start)","nextUpdate":"\#(period.end)","#
                + #""fmspc":"\#(fmspc.hex)","pceId":"0000","tcbType":0,"tcbEvaluationDataNumber":\#(evaluation)"#
                + modules + #","tcbLevels":[\#(levels.joined(separator: ","))]}"#
        }
    }

    package struct QEIdentity: Sendable {
        package var id = "QE"
        package var version = 2
        package var period = Period.current
        package var evaluation = 17
        package var signer = [UInt8](repeating: 0x51, count: 32)
        package var productID = 1
        package var levels = [Level(8, "UpToDate"), Level(6, "OutOfDate", advisories: ["INTEL-SA-00002"])]

        var json: String {
            #"{"id":"\#(id)","version":\#(version),"issueDate":"\#(period.start)","nextUpdate":"\#(period.end)","#
                + #""tcbEvaluationDataNumber":\#(evaluation),"miscselect":"00000000","miscselectMask":"FFFFFFFF","#
                + #""attributes":"11000000000000000000000000000000","attributesMask":"FBFFFFFFFFFFFFFF0000000000000000","#
                + #""mrsigner":"\#(signer.hex)","isvprodid":\#(productID),"#
                + #""tcbLevels":[\#(levels.map(\.ofOneSVN).joined(separator: ","))]}"#
        }
    }
}
