// SPDX-License-Identifier: Apache-2.0
/// The type of a tensor's elements, with the code that canonical files and wire frames use.
public enum ElementType: UInt8, Sendable, Hashable, CaseIterable {
    case float32 = 1
    case uint8 = 2
    case int8 = 3
    case int32 = 4
    case int64 = 5
    case boolean = 6

    /// Bytes of one element.
    public var byteCount: Int {
        switch self {
        case .float32, .int32: 4
        case .uint8, .int8, .boolean: 1
        case .int64: 8
        }
    }
}

extension ElementType: CustomStringConvertible {
    /// The name in text and files, such as `f32`.
    public var description: String {
        switch self {
        case .float32: "f32"
        case .uint8: "u8"
        case .int8: "i8"
        case .int32: "i32"
        case .int64: "i64"
        case .boolean: "bool"
        }
    }

    /// The type that ``description`` names, or `nil`.
    package init?(description: String) {
        guard let match = Self.allCases.first(where: { $0.description == description }) else { return nil }
        self = match
    }
}
