// SPDX-License-Identifier: Apache-2.0
/// `.npy` files.
///
/// - Source: NumPy Enhancement Proposal 1 and `numpy.lib.format`, versions 1.0 to 3.0. Read: the element types of
///   ``ElementType`` in little-endian C order; float16 and float64 become float32. Written: version 1.0.
extension Tensor {
    /// Limit of the header's size in bytes; a description of ``Shape/maximumRank`` extents needs far fewer.
    private static let maximumHeaderBytes = 4096
    private static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

    /// The tensor in the bytes of an `.npy` file.
    ///
    /// - Throws: ``TensorError`` when the bytes are not such a file, are shorter or longer than its header says, or
    ///   hold big-endian, Fortran-ordered or other elements.
    public init(npy bytes: RawSpan, allocator: StorageAllocator = .standard) throws(TensorError) {
        var reader = ByteReader(bytes)
        guard try reader.readBytes(6, "the .npy magic") == Self.magic else {
            throw TensorError(.malformed, "not an .npy file: it does not start with \\x93NUMPY")
        }
        let major = try reader.read(UInt8.self, "the .npy version")
        let minor = try reader.read(UInt8.self, "the .npy version")
        guard (1...3).contains(major), minor == 0 else {
            throw TensorError(.malformed, ".npy version \(major).\(minor) is unknown, expected 1.0, 2.0 or 3.0")
        }
        let length =
            major == 1
            ? Int(try reader.read(UInt16.self, "the .npy header length"))
            : Int(try reader.read(UInt32.self, "the .npy header length"))
        guard length <= Self.maximumHeaderBytes else {
            throw TensorError(
                .malformed, ".npy header claims \(length) bytes, the limit is \(Self.maximumHeaderBytes)")
        }
        let header = try NumPyHeader(parsing: try reader.readBytes(length, "the .npy header"))
        guard reader.remaining == header.byteCount else {
            throw TensorError(
                .mismatch,
                ".npy of \(header.type) needs \(header.byteCount) bytes of data, "
                    + "found \(reader.remaining)")
        }
        self = try reader.withBytes(header.byteCount, "the .npy data") { data throws(TensorError) in
            guard header.storage == .plain else { return Self.narrowed(data, header, allocator) }
            if header.type.element == .boolean, let wrong = data.first(where: { $0 > 1 }) {
                throw TensorError(.malformed, ".npy holds byte \(wrong) as a boolean, expected 0 or 1")
            }
            return try Tensor(type: header.type, copying: data, allocator: allocator)
        }
        try reader.finish()
    }

    /// Converts floats of another width to float32.
    private static func narrowed(
        _ data: UnsafeRawBufferPointer, _ header: NumPyHeader, _ allocator: StorageAllocator
    ) -> Tensor {
        Tensor(type: header.type, allocator: allocator) { target in
            let values = target.bindMemory(to: Float.self)
            for index in values.indices {
                if header.storage == .float16 {
                    let bits = data.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self)
                    values[index] = Float(Float16(bitPattern: UInt16(littleEndian: bits)))
                } else {
                    let bits = data.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self)
                    values[index] = Float(Double(bitPattern: UInt64(littleEndian: bits)))
                }
            }
        }
    }

    /// The bytes of an `.npy` file with these elements. Not for secrets: they are copied to an ordinary array.
    public func npyBytes() -> [UInt8] {
        var text = NumPyHeader(type: type).text
        // Data begins at a multiple of 64 bytes; the header ends in a line feed.
        let unpadded = Self.magic.count + 4 + text.utf8.count + 1
        text += String(repeating: " ", count: (64 - unpadded % 64) % 64) + "\n"
        var writer = ByteWriter()
        writer.write(bytes: Self.magic)
        writer.write(UInt8(1))
        writer.write(UInt8(0))
        writer.write(UInt16(text.utf8.count))
        writer.write(bytes: text.utf8)
        withBytes { writer.write(bytes: $0) }
        return writer.bytes
    }
}
