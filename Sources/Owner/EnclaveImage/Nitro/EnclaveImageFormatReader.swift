// SPDX-License-Identifier: Apache-2.0
extension EnclaveImageFormat {
    /// Accepts only what the writer produces, so that one image has one encoding.
    ///
    /// - Throws: ``ImageError`` (malformed) with the place.
    package init(parsing bytes: [UInt8]) throws(ImageError) {
        var reader = BigEndianReader(bytes)
        guard try reader.bytes(4, "the magic number").elementsEqual(Self.magic) else {
            throw ImageError(.malformed, "the file does not start with '.eif': it is no enclave image")
        }
        let version = UInt16(try reader.integer(2, "the version"))
        guard version == Self.version else {
            throw ImageError(.malformed, "the image has version \(version); expected \(Self.version)")
        }
        let flags = try reader.integer(2, "the flags")
        guard flags <= 1 else { throw ImageError(.malformed, "the image has unknown flags \(flags)") }
        let memory = try reader.integer(8, "the memory")
        let processors = try reader.integer(8, "the processors")
        try reader.zeros(2, "the reserved bytes at 24")
        let count = Int(try reader.integer(2, "the number of sections"))
        guard (2...Self.maximumSections).contains(count) else {
            throw ImageError(.malformed, "the image has \(count) sections; expected 2 to \(Self.maximumSections)")
        }
        let offsets = try Self.table(&reader, count, "the sections' offsets")
        let sizes = try Self.table(&reader, count, "the sections' sizes")
        try reader.zeros(4, "the reserved bytes at 540")
        let stated = UInt32(try reader.integer(4, "the checksum"))

        var sections: [Section] = []
        for (offset, size) in zip(offsets, sizes) {
            guard offset == UInt64(reader.position) else {
                throw ImageError(
                    .malformed, "section \(sections.count) is said to be at \(offset); expected \(reader.position)")
            }
            let number = UInt16(try reader.integer(2, "a section's kind"))
            guard let kind = Kind(rawValue: number) else {
                throw ImageError(.malformed, "section \(sections.count) is of the unknown kind \(number)")
            }
            try reader.zeros(2, "a section's flags")
            let length = try reader.integer(8, "a section's size")
            guard length == size, let length = Int(exactly: length) else {
                throw ImageError(
                    .malformed, "section \(sections.count) has \(length) bytes, by the header \(size)")
            }
            sections.append(Section(kind, Array(try reader.bytes(length, "a section"))))
        }
        guard reader.isAtEnd else { throw ImageError(.malformed, "bytes follow the image's last section") }
        let checksum = Self.checksum(bytes[...])
        guard checksum == stated else {
            throw ImageError(
                .malformed,
                "the image's checksum is \(String(stated, radix: 16)), its bytes have \(String(checksum, radix: 16)): "
                    + "the file is damaged")
        }
        try self.init(
            isArm: flags == 1, defaultMemory: memory, defaultProcessors: processors, sections: sections)
    }

    /// A table of 32 numbers; those from `count` on must be zero.
    private static func table(
        _ reader: inout BigEndianReader, _ count: Int, _ what: String
    ) throws(ImageError) -> [UInt64] {
        var values: [UInt64] = []
        for _ in 0..<count { values.append(try reader.integer(8, what)) }
        try reader.zeros(8 * (maximumSections - count), what)
        return values
    }
}

/// Reads big-endian fields; every read is checked against the remaining bytes.
private struct BigEndianReader {
    private let source: [UInt8]
    private(set) var position = 0

    init(_ source: [UInt8]) { self.source = source }

    var isAtEnd: Bool { position == source.count }

    mutating func bytes(_ count: Int, _ what: String) throws(ImageError) -> ArraySlice<UInt8> {
        guard count >= 0, count <= source.count - position else {
            throw ImageError(
                .malformed, "\(what) at byte \(position) needs \(count) bytes, \(source.count - position) are left")
        }
        defer { position += count }
        return source[position..<(position + count)]
    }

    mutating func integer(_ count: Int, _ what: String) throws(ImageError) -> UInt64 {
        try bytes(count, what).reduce(0) { $0 << 8 | UInt64($1) }
    }

    mutating func zeros(_ count: Int, _ what: String) throws(ImageError) {
        guard try bytes(count, what).allSatisfy({ $0 == 0 }) else {
            throw ImageError(.malformed, "\(what) are not zero")
        }
    }
}
