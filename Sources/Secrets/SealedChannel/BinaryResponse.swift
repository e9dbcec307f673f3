// SPDX-License-Identifier: Apache-2.0
package import SecretMemory

/// A binary HTTP response (RFC 9292): status and header fields. The content stays in the message, because it may be
/// secret; fields must not be.
package struct BinaryResponse: Sendable {
    /// 200 to 599.
    package let status: Int
    package let fields: [HTTPField]
    /// Where a decoded message holds its content.
    private let content: [Range<Int>]

    package init(status: Int, fields: [HTTPField]) {
        precondition((200...599).contains(status), "not the status of a final response")
        self.status = status
        self.fields = fields
        content = []
    }

    /// The known-length message with the given content, and without padding.
    package func encode(content: RawSpan) -> SecretBytes {
        let control = 1 + SpanWriter.byteCount(ofVariableLengthInteger: status)
        let rest = BinaryHTTP.byteCount(fields: fields, contentByteCount: content.byteCount)
        return SecretBytes(count: control + rest) { target in
            var writer = SpanWriter(target)
            writer.variableLengthInteger(1)
            writer.variableLengthInteger(status)
            writer.fieldSection(fields)
            writer.variableLengthInteger(content.byteCount)
            writer.bytes(content)
            writer.variableLengthInteger(0)
            writer.finish()
        }
    }

    /// Decodes a message of known or indeterminate length. Informational responses and trailers are checked and
    /// dropped.
    ///
    /// - Throws: ``SealedChannelError`` `.malformed`.
    package init(decoding message: RawSpan) throws(SealedChannelError) {
        var reader = SpanReader(message, of: "binary HTTP response")
        let framing = try reader.variableLengthInteger("framing indicator")
        guard framing == 1 || framing == 3 else {
            throw reader.malformed("framing indicator \(framing) is not that of a response")
        }
        var code = try reader.variableLengthInteger("status")
        var informational = 0
        while (100...199).contains(code) {
            informational += 1
            guard informational <= BinaryHTTP.maximumInformationalResponses else {
                throw reader.malformed("over \(BinaryHTTP.maximumInformationalResponses) informational responses")
            }
            _ = try reader.fieldSection(knownLength: framing == 1)
            code = try reader.variableLengthInteger("status")
        }
        guard (200...599).contains(code) else { throw reader.malformed("status \(code) is outside 100 to 599") }
        status = code
        fields = try reader.fieldSection(knownLength: framing == 1)
        content = try reader.content(knownLength: framing == 1)
        _ = try reader.fieldSection(knownLength: framing == 1)
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
