// SPDX-License-Identifier: Apache-2.0
package import FoundationEssentials
internal import Hexadecimal
internal import StrictJSON

/// The result of an external attack, as a JSON file: `version` (1), `modelSHA256`, `cut`, `asset`, `value`, `error`,
/// `trainingPictures`, `testPictures`, `description`. All members are required, and no others are allowed.
package struct AttackResult: Sendable, Hashable {
    package static let version = 1
    package static let maximumBytes = 1 << 16
    /// Limit for a cut's name and for the description, in UTF-8 bytes.
    static let maximumTextBytes = 500

    /// SHA-256 of the model's file, 64 lower-case hexadecimal digits.
    package let modelSHA256: String
    package let cut: String
    package let asset: Asset
    /// 0 to 1, on images that the attack did not learn from: R², the share identified, or the gain over guessing the
    /// class.
    package let value: Double
    /// Standard error of ``value``, 0 to 1.
    package let error: Double
    /// 0 if the attack learns from no images.
    package let trainingPictures: Int
    /// The number of test pictures; at least 1.
    package let testPictures: Int
    /// What the attack is, on one line.
    package let summary: String

    private struct Content: Decodable {
        enum CodingKeys: String, CodingKey, CaseIterable {
            case version, modelSHA256, cut, asset, value, error, trainingPictures, testPictures, description
        }

        // Integers too are decoded as numbers: an integer decoder does not say which member has a fraction.
        let version, trainingPictures, testPictures, value, error: Double
        let modelSHA256, cut, asset, description: String
    }

    private struct Members: Decodable {
        struct Name: CodingKey {
            let stringValue: String
            var intValue: Int? { nil }
            init?(stringValue: String) { self.stringValue = stringValue }
            init?(intValue: Int) { return nil }
        }

        let names: [String]
        init(from decoder: any Decoder) throws {
            names = try decoder.container(keyedBy: Name.self).allKeys.map(\.stringValue)
        }
    }

    /// - Throws: ``AssessmentError`` `.malformedAttack` for anything but an object of these members, each in its range.
    package init(decoding data: Data) throws(AssessmentError) {
        guard data.count <= Self.maximumBytes else {
            throw Self.failure("it has \(data.count) bytes, the limit is \(Self.maximumBytes)")
        }
        let content: Content
        do {
            let known = Content.CodingKeys.allCases.map(\.rawValue)
            let members = try JSONDecoder().decode(Members.self, from: data).names
            if let stranger = members.filter({ !known.contains($0) }).min() {
                throw Self.failure(
                    "the member '\(stranger.prefix(80))' is unknown, known are \(known.joined(separator: ", "))")
            }
            content = try Content(strictlyDecoding: Array(data), name: "it")
        } catch { throw Self.failure(of: error) }
        try self.init(content)
    }

    private init(_ content: Content) throws(AssessmentError) {
        guard content.version == Double(Self.version) else {
            throw Self.failure("'version' is \(content.version), this build reads \(Self.version)")
        }
        guard [UInt8](lowercaseHex: content.modelSHA256, count: 32) != nil else {
            throw Self.failure("'modelSHA256' is not 64 lower-case hexadecimal digits; split.json has it")
        }
        guard let asset = Asset(rawValue: content.asset) else {
            throw Self.failure("'asset' is '\(content.asset.prefix(80))', expected appearance, identity or class")
        }
        guard (0...1).contains(content.value) else {
            throw Self.failure(
                "'value' is \(content.value), expected 0 to 1; write 0 where the attack does no better than the mean "
                    + "picture or than guessing")
        }
        guard (0...1).contains(content.error) else {
            throw Self.failure("'error' is \(content.error), expected a standard error from 0 to 1")
        }
        func count(_ name: String, _ value: Double, from least: Int) throws(AssessmentError) -> Int {
            guard let count = Int(exactly: value), (least...1 << 53).contains(count) else {
                throw Self.failure("'\(name)' is \(value), expected a whole number, \(least) or more")
            }
            return count
        }
        for (name, text) in [("cut", content.cut), ("description", content.description)] {
            guard Self.isLine(text, maximumBytes: Self.maximumTextBytes) else {
                throw Self.failure(
                    "'\(name)' is not one line of 1 to \(Self.maximumTextBytes) bytes without control characters")
            }
        }
        modelSHA256 = content.modelSHA256
        cut = content.cut
        self.asset = asset
        (value, error) = (content.value, content.error)
        trainingPictures = try count("trainingPictures", content.trainingPictures, from: 0)
        testPictures = try count("testPictures", content.testPictures, from: 1)
        summary = content.description
    }

    static func isLine(_ text: String, maximumBytes: Int) -> Bool {
        (1...maximumBytes).contains(text.utf8.count)
            && text.unicodeScalars.allSatisfy {
                switch $0.properties.generalCategory {
                case .control, .lineSeparator, .paragraphSeparator: false
                default: true
                }
            }
    }

    private static func failure(_ message: String) -> AssessmentError {
        AssessmentError(.malformedAttack, "the attack's result: \(message)")
    }

    private static func failure(of error: any Error) -> AssessmentError {
        switch error {
        case let error as AssessmentError: error
        case let fault as JSONFault: failure(fault.description)
        case DecodingError.keyNotFound(let key, _): failure("the member '\(key.stringValue)' is missing")
        case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context),
            DecodingError.dataCorrupted(let context):
            if let member = context.codingPath.last?.stringValue {
                failure("the member '\(member)' is of the wrong type")
            } else {
                failure("it is no JSON object, or a number in it is out of range")
            }
        default: failure("it is no JSON object")
        }
    }
}
