import FoundationEssentials

extension Decodable {
    /// Decodes JSON in which no object, at any depth, names a member twice. `JSONDecoder` alone takes one of the two in
    /// silence, and another reader of the same bytes may take the other.
    ///
    /// - Parameter name: What the JSON is, for messages.
    /// - Throws: ``JSONFault`` for what is not JSON of RFC 8259 in UTF-8, or has a member twice; else what the type's own
    ///   decoding throws.
    package init(strictlyDecoding json: [UInt8], name: String) throws {
        _ = try JSONText(json, name: name)
        self = try JSONDecoder().decode(Self.self, from: Data(json))
    }
}
