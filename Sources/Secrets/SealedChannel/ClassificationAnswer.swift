// SPDX-License-Identifier: Apache-2.0
package import SecretMemory

/// The fixed size of a model's answers: how many classes each lists, and the width of their names. It is a property of
/// the mapping unit and the same for every answer, so that lengths reveal nothing.
package struct AnswerLayout: Sendable, Hashable {
    package static let maximumClassCount = 1000
    package static let maximumNameBytes = 1024

    /// Classes per answer.
    package let classCount: Int
    /// Bytes of a name's field: the longest name's.
    package let nameByteCount: Int

    /// - Throws: ``SealedChannelError`` `.invalidValue` outside 1...``maximumClassCount``, 0...``maximumNameBytes``.
    package init(classCount: Int, nameByteCount: Int) throws(SealedChannelError) {
        guard (1...Self.maximumClassCount).contains(classCount), (0...Self.maximumNameBytes).contains(nameByteCount)
        else {
            throw SealedChannelError(
                .invalidValue,
                "answers of \(classCount) classes with names of \(nameByteCount) bytes; the limits are "
                    + "\(Self.maximumClassCount) and \(Self.maximumNameBytes)")
        }
        self.classCount = classCount
        self.nameByteCount = nameByteCount
    }

    var entryByteCount: Int { 10 + nameByteCount }
    /// Bytes of every inner body.
    package var byteCount: Int { ClassificationAnswer.headerByteCount + classCount * entryByteCount }
}

/// Whether a request was answered. Open: a newer enclave may know more codes.
package struct AnswerStatus: RawRepresentable, Sendable, Hashable {
    package let rawValue: UInt16
    package init(rawValue: UInt16) { self.rawValue = rawValue }

    package static let answered = AnswerStatus(rawValue: 0)
    /// The body is not a classification request, or its version is unknown.
    package static let malformedRequest = AnswerStatus(rawValue: 1)
    /// The owner did not list this token.
    package static let unknownToken = AnswerStatus(rawValue: 2)
    /// The model takes tensors of another type.
    package static let wrongTensorType = AnswerStatus(rawValue: 3)
    /// The same message was answered before.
    package static let replayedRequest = AnswerStatus(rawValue: 4)
    /// The client has used up its requests of this lease.
    package static let overLimit = AnswerStatus(rawValue: 5)
    /// The part outside the enclave failed, or returned an invalid result.
    package static let outsideFailed = AnswerStatus(rawValue: 6)
    /// The enclave failed.
    package static let failed = AnswerStatus(rawValue: 7)
    /// The owner's lease has ended, and the model was wiped.
    package static let leaseEnded = AnswerStatus(rawValue: 8)
    /// The client sends more requests a minute than the owner allows.
    package static let tooManyRequests = AnswerStatus(rawValue: 9)
}

/// The enclave's answer, whose size does not depend on its content.
///
/// Layout, little-endian: version u8 = 1 ‖ 0 u8 ‖ status u16 ‖ class count u16 ‖ name width u16 ‖ for each class:
/// index u32 ‖ probability f32 ‖ name length u16 ‖ name, padded with zeros to the width. Unless the status is 0 every
/// entry is zero.
package struct ClassificationAnswer: Sendable {
    package static let version: UInt8 = 1
    package static let mediaType = "application/vnd.infenclave.answer"
    static let headerByteCount = 8

    package struct Entry: Sendable, Hashable {
        /// Position in the model's output.
        package let index: Int
        /// 0 to 1.
        package let probability: Float
        package let name: String
    }

    package let status: AnswerStatus
    /// Most probable first; empty unless the status is ``AnswerStatus/answered``.
    package let entries: [Entry]

    /// Encodes the binary HTTP response of an answer that was found.
    ///
    /// - Parameter fill: Called once per class, in order, with its position. It returns index and probability, and
    ///   passes the name (UTF-8) to the given writer.
    /// - Throws: What `fill` throws.
    package static func encodeBinaryResponse<Failure: Error>(
        layout: AnswerLayout,
        _ fill: (Int, inout AnswerEntryWriter) throws(Failure) -> Void
    ) throws(Failure) -> SecretBytes {
        let body = try SecretBytes(count: layout.byteCount) { (target) throws(Failure) in
            writeHeader(.answered, layout, target)
            for position in 0..<layout.classCount {
                let start = headerByteCount + position * layout.entryByteCount
                var writer = AnswerEntryWriter(
                    UnsafeMutableRawBufferPointer(rebasing: target[start..<start + layout.entryByteCount]))
                try fill(position, &writer)
            }
        }
        return wrap(body)
    }

    /// Encodes the binary HTTP response of a refusal, of the same size.
    package static func encodeBinaryResponse(refusal status: AnswerStatus, layout: AnswerLayout) -> SecretBytes {
        precondition(status != .answered, "an answer without entries")
        return wrap(SecretBytes(count: layout.byteCount) { writeHeader(status, layout, $0) })
    }

    private static func writeHeader(
        _ status: AnswerStatus, _ layout: AnswerLayout, _ target: UnsafeMutableRawBufferPointer
    ) {
        var writer = SpanWriter(UnsafeMutableRawBufferPointer(rebasing: target[0..<headerByteCount]))
        writer.littleEndian(version)
        writer.zeros(1)
        writer.littleEndian(status.rawValue)
        writer.littleEndian(UInt16(layout.classCount))
        writer.littleEndian(UInt16(layout.nameByteCount))
        writer.finish()
    }

    /// The status is 200 for refusals too. They differ from answers only in the body, which has the same length.
    private static func wrap(_ body: borrowing SecretBytes) -> SecretBytes {
        BinaryResponse(status: 200, fields: [HTTPField(name: "content-type", value: mediaType)])
            .encode(content: body.bytes)
    }
}

/// Writes one entry of an answer.
package struct AnswerEntryWriter: ~Copyable {
    private let target: UnsafeMutableRawBufferPointer

    init(_ target: UnsafeMutableRawBufferPointer) { self.target = target }

    /// - Parameter name: UTF-8, at most as long as the layout says.
    /// - Throws: ``SealedChannelError`` `.invalidValue` for a longer name, or a probability outside 0...1.
    package mutating func write(index: Int, probability: Float, name: RawSpan) throws(SealedChannelError) {
        guard let index = UInt32(exactly: index), probability >= 0, probability <= 1,
            name.byteCount <= target.count - 10
        else {
            throw SealedChannelError(
                .invalidValue, "an entry of an answer is out of range: probability or name, or its layout is another")
        }
        var writer = SpanWriter(target)
        writer.littleEndian(index)
        writer.littleEndian(probability.bitPattern)
        writer.littleEndian(UInt16(name.byteCount))
        writer.bytes(name)
        writer.zeros(target.count - writer.offset)
        writer.finish()
    }
}

extension ClassificationAnswer {
    /// Decodes a whole binary HTTP response, as ``ResponseOpener/open(_:)`` returns it. The names become strings, since
    /// the client shows them.
    ///
    /// - Throws: ``SealedChannelError``: `.malformed`, `.unsupportedVersion`.
    package init(binaryResponse message: RawSpan) throws(SealedChannelError) {
        let head = try BinaryResponse(decoding: message)
        guard head.status == 200, head.fields.contains(HTTPField(name: "content-type", value: Self.mediaType)) else {
            throw SealedChannelError(
                .malformed, "expected status 200 with \(Self.mediaType), found status \(head.status)")
        }
        self = try head.withContent(of: message) { (body) throws(SealedChannelError) in
            try ClassificationAnswer(decoding: body)
        }
    }

    /// Decodes the inner body.
    package init(decoding body: RawSpan) throws(SealedChannelError) {
        var reader = SpanReader(body, of: "answer")
        let version = try reader.littleEndian(UInt8.self, "version")
        guard version == Self.version else {
            throw SealedChannelError(.unsupportedVersion, "answer: version \(version), expected \(Self.version)")
        }
        try reader.zeros(1, "reserved byte")
        status = AnswerStatus(rawValue: try reader.littleEndian(UInt16.self, "status"))
        let classCount = Int(try reader.littleEndian(UInt16.self, "class count"))
        let nameByteCount = Int(try reader.littleEndian(UInt16.self, "name width"))
        guard let layout = try? AnswerLayout(classCount: classCount, nameByteCount: nameByteCount),
            body.byteCount == layout.byteCount
        else {
            throw reader.malformed(
                "\(body.byteCount) bytes do not hold \(classCount) classes with names of \(nameByteCount) bytes")
        }
        guard status == .answered else {
            try reader.zeros(reader.remaining, "an entry of a refusal")
            entries = []
            return
        }
        var entries: [Entry] = []
        for _ in 0..<classCount { entries.append(try Entry(&reader, nameByteCount: nameByteCount)) }
        self.entries = entries
        try reader.finish()
    }
}

extension ClassificationAnswer.Entry {
    init(_ reader: inout SpanReader, nameByteCount: Int) throws(SealedChannelError) {
        index = Int(try reader.littleEndian(UInt32.self, "class index"))
        probability = Float(bitPattern: try reader.littleEndian(UInt32.self, "probability"))
        let length = Int(try reader.littleEndian(UInt16.self, "length of a name"))
        guard probability >= 0, probability <= 1, length <= nameByteCount else {
            throw reader.malformed("a probability or the length of a name is out of range")
        }
        guard let name = String(validating: try reader.array(length, "name"), as: UTF8.self) else {
            throw reader.malformed("a name is not UTF-8")
        }
        self.name = name
        try reader.zeros(nameByteCount - length, "padding of a name")
    }
}
