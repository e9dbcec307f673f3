// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// An element type of ``NumPyWriter``.
protocol NumPyElement: BitwiseCopyable, Sendable {
    /// NumPy's name of the type. All supported machines are little-endian.
    static var numPyName: String { get }
}

extension Float: NumPyElement { static var numPyName: String { "<f4" } }
extension UInt8: NumPyElement { static var numPyName: String { "|u1" } }

/// A `.npy` file in C order that is written record by record, in any order and from any thread, so that memory does not
/// grow with the number of records. The file is readable by its owner only.
///
/// - Source: `numpy.lib.format`, version 1.0.
final class NumPyWriter<Element: NumPyElement>: Sendable {
    let path: String
    private let descriptor: Int32
    private let headerBytes: Int
    private let count: Int
    /// Elements of a record.
    private let length: Int

    /// - Parameters:
    ///   - path: Must not exist.
    ///   - count: Number of records.
    ///   - shape: Shape of a record; the file's is `[count] + shape`.
    /// - Throws: ``AssessmentError`` `.file`.
    init(_ path: String, count: Int, shape: [Int]) throws(AssessmentError) {
        self.path = path
        self.count = count
        length = shape.reduce(1, *)
        let header = Self.header([count] + shape)
        headerBytes = header.count
        descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw PrivateFolder.failure(path, "it cannot be made") }
        guard header.withUnsafeBytes({ Descriptor.write(descriptor, $0, at: 0) }) else { throw failure }
    }

    deinit { close(descriptor) }

    /// - Throws: ``AssessmentError`` `.file` when the disk is full.
    func write(_ record: [Element], at index: Int) throws(AssessmentError) {
        precondition(record.count == length && (0..<count).contains(index))
        let offset = headerBytes + index * length * MemoryLayout<Element>.stride
        guard record.withUnsafeBytes({ Descriptor.write(descriptor, $0, at: offset) }) else { throw failure }
    }

    private var failure: AssessmentError { PrivateFolder.failure(path, "it cannot be written") }

    /// Data begins at a multiple of 64 bytes; the header ends in a line feed.
    private static func header(_ shape: [Int]) -> [UInt8] {
        let extents = shape.map { "\($0)," }.joined(separator: " ")
        var text = "{'descr': '\(Element.numPyName)', 'fortran_order': False, 'shape': (\(extents)), }"
        let unpadded = 10 + text.utf8.count + 1
        text += String(repeating: " ", count: (64 - unpadded % 64) % 64) + "\n"
        let bytes = UInt16(text.utf8.count)
        return [0x93] + "NUMPY".utf8 + [1, 0, UInt8(bytes & 0xFF), UInt8(bytes >> 8)] + text.utf8
    }
}
