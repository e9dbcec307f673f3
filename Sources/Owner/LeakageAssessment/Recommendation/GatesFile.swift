package import FoundationEssentials
import StrictJSON

/// Gates of an owner's own, as a JSON file: `maximumR2`, `maximumSSIMGain`, `minimumKLPassFraction`, `maximumKLAUC`, and
/// where wanted `minimumDecoderKLRatio`, `maximumTop1`, `maximumIdentified` and `maximumClassGain`; the last two are those of
/// ``Gates/standard`` where they are not given.
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

    private static let required = ["maximumR2", "maximumSSIMGain", "minimumKLPassFraction", "maximumKLAUC"]
    private static let optional = ["minimumDecoderKLRatio", "maximumTop1", "maximumIdentified", "maximumClassGain"]

    /// - Throws: ``AssessmentError`` `.invalidConfiguration` for anything but an object of these members, each a number
    ///   from 0 to 1.
    package static func gates(decoding data: Data) throws(AssessmentError) -> Gates {
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
        if let unknown = values.keys.filter({ !(required + optional).contains($0) }).min() {
            throw AssessmentError(
                .invalidConfiguration,
                "the gates have the unknown member '\(unknown.prefix(80))', known are "
                    + (required + optional).joined(separator: ", "))
        }
        if let (name, value) = values.sorted(by: { $0.key < $1.key }).first(where: { !(0...1).contains($0.value) }) {
            throw AssessmentError(.invalidConfiguration, "the gate '\(name)' is \(value), expected 0 to 1")
        }
        func value(_ index: Int) -> Double { values[required[index]] ?? 0 }
        return Gates(
            name: "custom", maximumRSquared: value(0), maximumSimilarityGain: value(1),
            minimumPassFraction: value(2), maximumAreaUnderCurve: value(3),
            minimumDecoderDivergenceRatio: values[optional[0]], maximumRetrieval: values[optional[1]],
            maximumIdentification: values[optional[2]] ?? Gates.standard.maximumIdentification,
            maximumClassGain: values[optional[3]] ?? Gates.standard.maximumClassGain)
    }
}
