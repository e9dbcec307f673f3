// SPDX-License-Identifier: Apache-2.0
import Foundation

/// `Documentation/policy.schema.json`, with as much of JSON Schema as it uses.
struct PolicySchema {
    private let root: JSONValue

    init(_ folder: URL) throws {
        let data = try Data(contentsOf: folder.appendingPathComponent("policy.schema.json"))
        root = try JSONDecoder().decode(JSONValue.self, from: data)
    }

    /// The names in the object that lies at a path of names.
    func members(_ path: String...) -> Set<String> {
        Set((path.reduce(root as JSONValue?) { $0?.object?[$1] }?.object ?? [:]).keys)
    }

    func accepts(_ json: String) throws -> Bool {
        accepts(try JSONDecoder().decode(JSONValue.self, from: Data(json.utf8)), root)
    }

    private func accepts(_ value: JSONValue, _ schema: JSONValue) -> Bool {
        guard let keywords = schema.object else { return false }
        return keywords.allSatisfy { accepts(value, $0, $1, keywords) }
    }

    private func accepts(
        _ value: JSONValue, _ keyword: String, _ argument: JSONValue, _ schema: [String: JSONValue]
    ) -> Bool {
        let limit = argument.number ?? .nan
        switch keyword {
        case "$schema", "$defs", "title", "description", "default": return true
        case "$ref":
            let name = argument.string?.replacingOccurrences(of: "#/$defs/", with: "") ?? ""
            return root.object?["$defs"]?.object?[name].map { accepts(value, $0) } ?? false
        case "type": return value.hasType(argument.string ?? "")
        case "const": return value == argument
        case "enum": return argument.array?.contains(value) ?? false
        case "pattern":
            return value.string?.range(of: argument.string ?? "", options: .regularExpression) != nil
        case "minimum": return value.number.map { $0 >= limit } ?? false
        case "maximum": return value.number.map { $0 <= limit } ?? false
        case "minLength": return Double(value.string?.count ?? 0) >= limit
        case "minItems": return Double(value.array?.count ?? 0) >= limit
        case "uniqueItems":
            return value.array.map { list in list.indices.allSatisfy { !list[..<$0].contains(list[$0]) } } ?? false
        case "minProperties": return Double(value.object?.count ?? 0) >= limit
        case "required":
            return argument.array?.allSatisfy { value.object?[$0.string ?? ""] != nil } ?? false
        case "items": return value.array?.allSatisfy { accepts($0, argument) } ?? false
        case "properties":
            return value.object?.allSatisfy { name, value in
                argument.object?[name].map { accepts(value, $0) } ?? true
            } ?? false
        case "additionalProperties":
            let known = schema["properties"]?.object ?? [:]
            let others = value.object?.filter { known[$0.key] == nil } ?? [:]
            if argument == .boolean(false) { return others.isEmpty }
            return others.values.allSatisfy { accepts($0, argument) }
        // An unknown keyword would not be checked, so it is an error.
        default: return false
        }
    }
}

private indirect enum JSONValue: Decodable, Equatable {
    case null
    case boolean(Bool)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        if value.decodeNil() {
            self = .null
        } else if let boolean = try? value.decode(Bool.self) {
            self = .boolean(boolean)
        } else if let number = try? value.decode(Double.self) {
            self = .number(number)
        } else if let string = try? value.decode(String.self) {
            self = .string(string)
        } else if let array = try? value.decode([JSONValue].self) {
            self = .array(array)
        } else {
            self = .object(try value.decode([String: JSONValue].self))
        }
    }

    var number: Double? { if case .number(let number) = self { number } else { nil } }
    var string: String? { if case .string(let string) = self { string } else { nil } }
    var array: [JSONValue]? { if case .array(let array) = self { array } else { nil } }
    var object: [String: JSONValue]? { if case .object(let object) = self { object } else { nil } }

    func hasType(_ name: String) -> Bool {
        switch (name, self) {
        case ("number", .number): true
        case ("object", .object), ("array", .array), ("string", .string), ("boolean", .boolean): true
        case ("integer", .number(let number)): number == number.rounded()
        default: false
        }
    }
}
