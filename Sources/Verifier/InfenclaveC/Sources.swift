// SPDX-License-Identifier: Apache-2.0
import Attestation
import CInfenclave
import Evidence

/// The inputs of verification besides the evidence, converted from C.
struct Sources {
    let time: Timestamp
    let collateral: [CollateralRole: [UInt8]]
    let seen: [String: CollateralRecord]
    let roots: TrustedRoots
    let development: DevelopmentTEE

    /// - Throws: ``Failure`` `invalidInput` for a count without values, or two files of one role.
    init(_ sources: infenclave_sources) throws {
        time = Timestamp(secondsSince1970: sources.time)
        development = sources.dangerously_accepts_development == 1 ? .dangerouslyAccept : .refuse
        roots =
            switch try bytes(sources.dangerous_root, "the root") {
            case []: .vendors
            case let root: try .dangerouslyTrust(root)
            }
        var collateral: [CollateralRole: [UInt8]] = [:]
        for file in try list(sources.collateral, sources.collateral_count, "collateral") {
            guard let role = CollateralRole(rawValue: try text(file.role, "a role of the collateral")) else { continue }
            guard collateral.updateValue(try bytes(file.bytes, role.rawValue), forKey: role) == nil else {
                throw Failure(
                    "invalidInput", "the collateral has \(role.rawValue) twice", remedy: "give each file once")
            }
        }
        self.collateral = collateral
        var seen: [String: CollateralRecord] = [:]
        for record in try list(sources.seen, sources.seen_count, "collateral that was seen") {
            let number = record.evaluation_data_number
            seen[try text(record.name, "a name of collateral that was seen")] = CollateralRecord(
                date: Timestamp(secondsSince1970: record.date), evaluationDataNumber: number < 0 ? nil : Int(number))
        }
        self.seen = seen
    }
}

private func list<Element>(
    _ start: UnsafePointer<Element>?, _ count: Int, _ what: String
) throws -> UnsafeBufferPointer<Element> {
    guard count == 0 || start != nil else { throw Failure("invalidInput", "\(what): \(count) without a pointer") }
    return UnsafeBufferPointer(start: start, count: count)
}

/// - Throws: ``Failure`` `invalidInput` for a count without bytes.
func bytes(_ bytes: infenclave_bytes, _ what: String) throws -> [UInt8] {
    guard let array = bytes.array else {
        throw Failure("invalidInput", "\(what): \(bytes.count) bytes without a pointer")
    }
    return array
}

/// - Throws: ``Failure`` `invalidInput` for no text, or one that is not UTF-8.
func text(_ pointer: UnsafePointer<CChar>?, _ what: String) throws -> String {
    guard let pointer, let text = String(validatingCString: pointer) else {
        throw Failure("invalidInput", "\(what) is no text in UTF-8")
    }
    return text
}
