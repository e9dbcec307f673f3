// SPDX-License-Identifier: Apache-2.0
import FoundationEssentials

extension Decodable {
    /// Decodes JSON in which no object, at any depth, has two members of the same name. `JSONDecoder` alone silently
    /// takes one of the two, and another parser of the same bytes may take the other.
    ///
    /// - Parameter name: What the JSON is, for messages.
    /// - Throws: ``JSONFault`` for text that is not JSON (RFC 8259) in UTF-8 or has a repeated member; otherwise what
    ///   the type's own decoding throws.
    package init(strictlyDecoding json: [UInt8], name: String) throws {
        _ = try JSONText(json, name: name)
        self = try JSONDecoder().decode(Self.self, from: Data(json))
    }
}
