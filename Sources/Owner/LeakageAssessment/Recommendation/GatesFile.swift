// SPDX-License-Identifier: Apache-2.0
package import FoundationEssentials
import StrictJSON

/// Custom gates: a JSON object of numbers from 0 to 1, with the names of ``Gate/all``. ``Gate/omission`` says what a
/// missing name means.
package enum GatesFile {
    private struct Member: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { return nil }
    }

    private struct Content: Decodable {
        let values: [String: Double]

        init(from decoder: any Decoder) throws {
            let members = try decoder.container(keyedBy: Member.self)
            var values: [String: Double] = [:]
            for key in members.allKeys { values[key.stringValue] = try members.decode(Double.self, forKey: key) }
            self.values = values
        }
    }

    /// - Throws: ``AssessmentError`` `.invalidConfiguration` for anything but an object of these members, each a number
    ///   from 0 to 1.
    package static func gates(decoding data: Data) throws(AssessmentError) -> Gates {
        let required = Gate.all.filter { $0.omission == .refused }.map(\.name)
        let values: [String: Double]
        do { values = try Content(strictlyDecoding: Array(data), name: "the file").values } catch let fault as JSONFault
        {
            throw AssessmentError(.invalidConfiguration, "the gates: \(fault.description)")
        } catch {
            throw AssessmentError(
                .invalidConfiguration, "the gates are no JSON object of numbers: \(required.joined(separator: ", "))")
        }
        if let missing = required.first(where: { values[$0] == nil }) {
            throw AssessmentError(.invalidConfiguration, "the gates lack '\(missing)'")
        }
        let known = Gate.all.map(\.name)
        if let unknown = values.keys.filter({ !known.contains($0) }).min() {
            throw AssessmentError(
                .invalidConfiguration,
                "the gates have the unknown member '\(unknown.prefix(80))', known are " + known.joined(separator: ", "))
        }
        if let (name, value) = values.sorted(by: { $0.key < $1.key }).first(where: { !(0...1).contains($0.value) }) {
            throw AssessmentError(.invalidConfiguration, "the gate '\(name)' is \(value), expected 0 to 1")
        }
        var gates = Gates(name: "custom", [:])
        for gate in Gate.all {
            gates[gate] = values[gate.name] ?? (gate.omission == .standard ? gate.standard : nil)
        }
        return gates
    }
}
