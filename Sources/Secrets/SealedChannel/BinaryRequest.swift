// SPDX-License-Identifier: Apache-2.0
package import SecretMemory

/// A binary HTTP request (RFC 9292): control data and header fields. The content stays in the message, because it may
/// be secret; fields must not be.
package struct BinaryRequest: Sendable {
    package let method: String
    package let scheme: String
    package let authority: String
    package let path: String
    package let fields: [HTTPField]
    /// Where a decoded message holds its content.
    private let content: [Range<Int>]

    package init(method: String, scheme: String, authority: String, path: String, fields: [HTTPField]) {
        self.method = method
        self.scheme = scheme
        self.authority = authority
        self.path = path
        self.fields = fields
        content = []
    }

    /// The known-length message with the given content, and without padding.
    package func encode(content: RawSpan) -> SecretBytes {
        let strings = [method, scheme, authority, path]
        let control = strings.reduce(1) { $0 + BinaryHTTP.byteCount(ofString: $1) }
        let rest = BinaryHTTP.byteCount(fields: fields, contentByteCount: content.byteCount)
        return SecretBytes(count: control + rest) { target in
            var writer = SpanWriter(target)
            writer.variableLengthInteger(0)
            for string in strings { writer.string(string) }
            writer.fieldSection(fields)
            writer.variableLengthInteger(content.byteCount)
            writer.bytes(content)
            writer.variableLengthInteger(0)
            writer.finish()
        }
    }

    /// Decodes a message of known or indeterminate length. Trailers are checked and dropped.
    ///
    /// - Throws: ``SealedChannelError`` `.malformed`.
    package init(decoding message: RawSpan) throws(SealedChannelError) {
        var reader = SpanReader(message, of: "binary HTTP request")
        let framing = try reader.variableLengthInteger("framing indicator")
        guard framing == 0 || framing == 2 else {
            throw reader.malformed("framing indicator \(framing) is not that of a request")
        }
        method = try reader.visibleString("method")
        scheme = try reader.visibleString("scheme")
        authority = try reader.visibleString("authority")
        path = try reader.visibleString("path")
        guard !method.isEmpty, !scheme.isEmpty, !path.isEmpty else {
            throw reader.malformed("method, scheme or path is empty")
        }
        fields = try reader.fieldSection(knownLength: framing == 0)
        content = try reader.content(knownLength: framing == 0)
        _ = try reader.fieldSection(knownLength: framing == 0)
        try reader.padding()
    }

    /// Lends the content of the message that this value was decoded from. It is copied only if it consists of several
    /// chunks.
    package func withContent<Result, Failure: Error>(
        of message: RawSpan, _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try message.withChunks(content, body)
    }
}

extension RawSpan {
    /// Lends the bytes of the ranges as one run.
    func withChunks<Result, Failure: Error>(
        _ ranges: [Range<Int>], _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        if ranges.count <= 1 { return try body(extracting(ranges.first ?? 0..<0)) }
        let joined = SecretBytes(count: ranges.reduce(0) { $0 + $1.count }) { target in
            var writer = SpanWriter(target)
            for range in ranges { writer.bytes(extracting(range)) }
            writer.finish()
        }
        return try body(joined.bytes)
    }
}
