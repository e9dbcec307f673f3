// SPDX-License-Identifier: Apache-2.0
/// The members of `preprocess.json`. Every member that applies is required and unknown ones are rejected, because a
/// misspelt member would silently change the network's answers.
extension Preprocessing: Codable {
    private struct Member: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(_ name: String) { stringValue = name }
        init?(stringValue: String) { self.init(stringValue) }
        init?(intValue _: Int) { return nil }
    }

    private typealias Members = KeyedDecodingContainer<Member>

    /// - Throws: `DecodingError` that names the member, its value, and the allowed values.
    public init(from decoder: any Decoder) throws {
        let members = try decoder.container(keyedBy: Member.self)
        try Self.refuseUnknown(
            in: members, known: ["width", "height", "channels", "resize", "interpolation", "mean", "std"])
        let channels: Channels = try Self.choice("channels", in: members)
        let interpolation: Interpolation = try Self.choice("interpolation", in: members)
        let resize = try Self.resize(
            in: try members.nestedContainer(keyedBy: Member.self, forKey: Member("resize")))
        do {
            try self.init(
                width: members.decode(Int.self, forKey: Member("width")),
                height: members.decode(Int.self, forKey: Member("height")),
                channels: channels, resize: resize, interpolation: interpolation,
                mean: members.decode([Float].self, forKey: Member("mean")),
                std: members.decode([Float].self, forKey: Member("std")))
        } catch let error as TensorError {
            throw Self.corrupted(error.message, members.codingPath)
        }
    }

    private static func resize(in members: Members) throws -> Resize {
        let mode = try members.decode(String.self, forKey: Member("mode"))
        switch mode {
        case "shorterSide":
            try refuseUnknown(in: members, known: ["mode", "length", "rounding"])
            let length = try members.decode(Int.self, forKey: Member("length"))
            guard members.contains(Member("rounding")) else { return .shorterSide(length) }
            return .shorterSideLike(try choice("rounding", in: members), length)
        case "letterbox":
            try refuseUnknown(in: members, known: ["mode", "fill"])
            let fill = try members.decode(Int.self, forKey: Member("fill"))
            guard let value = UInt8(exactly: fill) else {
                throw corrupted(
                    "resize.fill is \(fill), expected 0 to 255", members.codingPath + [Member("fill")])
            }
            return .letterbox(fill: value)
        case "stretch":
            try refuseUnknown(in: members, known: ["mode", "width", "height", "rounding"])
            guard members.allKeys.count > 1 else { return .stretch }
            let width = try members.decode(Int.self, forKey: Member("width"))
            let height = try members.decode(Int.self, forKey: Member("height"))
            guard members.contains(Member("rounding")) else { return .stretchTo(width: width, height: height) }
            return .stretchToLike(try choice("rounding", in: members), width: width, height: height)
        case "darknetLetterbox":
            try refuseUnknown(in: members, known: ["mode"])
            return .darknetLetterbox
        case "none":
            try refuseUnknown(in: members, known: ["mode"])
            return .none
        default:
            throw corrupted(
                "resize.mode is '\(mode)', expected shorterSide, stretch, letterbox, darknetLetterbox or none",
                members.codingPath + [Member("mode")])
        }
    }

    private static func choice<Choice: RawRepresentable<String> & CaseIterable>(
        _ name: String, in members: Members
    ) throws -> Choice {
        let text = try members.decode(String.self, forKey: Member(name))
        guard let choice = Choice(rawValue: text) else {
            let expected = Choice.allCases.map(\.rawValue).joined(separator: ", ")
            throw corrupted(
                "\(name) is '\(text)', expected one of: \(expected)", members.codingPath + [Member(name)])
        }
        return choice
    }

    private static func refuseUnknown(in members: Members, known: Set<String>) throws {
        let unknown = members.allKeys.map(\.stringValue).filter { !known.contains($0) }.sorted()
        guard unknown.isEmpty else {
            throw corrupted(
                "unknown member '\(unknown.joined(separator: "', '"))', "
                    + "known here: \(known.sorted().joined(separator: ", "))",
                members.codingPath)
        }
    }

    private static func corrupted(_ message: String, _ path: [any CodingKey]) -> DecodingError {
        .dataCorrupted(DecodingError.Context(codingPath: path, debugDescription: message))
    }

    /// Writes the members of `preprocess.json`.
    public func encode(to encoder: any Encoder) throws {
        var members = encoder.container(keyedBy: Member.self)
        try members.encode(width, forKey: Member("width"))
        try members.encode(height, forKey: Member("height"))
        try members.encode(channels.rawValue, forKey: Member("channels"))
        var nested = members.nestedContainer(keyedBy: Member.self, forKey: Member("resize"))
        switch resize {
        case .shorterSide(let length):
            try nested.encode("shorterSide", forKey: Member("mode"))
            try nested.encode(length, forKey: Member("length"))
        case .shorterSideLike(let library, let length):
            try nested.encode("shorterSide", forKey: Member("mode"))
            try nested.encode(length, forKey: Member("length"))
            try nested.encode(library.rawValue, forKey: Member("rounding"))
        case .stretch:
            try nested.encode("stretch", forKey: Member("mode"))
        case .stretchTo(let width, let height):
            try nested.encode("stretch", forKey: Member("mode"))
            try nested.encode(width, forKey: Member("width"))
            try nested.encode(height, forKey: Member("height"))
        case .stretchToLike(let library, let width, let height):
            try nested.encode("stretch", forKey: Member("mode"))
            try nested.encode(width, forKey: Member("width"))
            try nested.encode(height, forKey: Member("height"))
            try nested.encode(library.rawValue, forKey: Member("rounding"))
        case .letterbox(let fill):
            try nested.encode("letterbox", forKey: Member("mode"))
            try nested.encode(fill, forKey: Member("fill"))
        case .darknetLetterbox:
            try nested.encode("darknetLetterbox", forKey: Member("mode"))
        case .none:
            try nested.encode("none", forKey: Member("mode"))
        }
        try members.encode(interpolation.rawValue, forKey: Member("interpolation"))
        try members.encode(normalization.mean, forKey: Member("mean"))
        try members.encode(normalization.std, forKey: Member("std"))
    }
}
