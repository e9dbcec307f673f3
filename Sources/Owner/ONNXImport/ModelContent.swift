// SPDX-License-Identifier: Apache-2.0
import ONNXFormat
import Tensors

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The bytes of a model: an open file, or memory.
final class ModelContent {
    private let file: ModelFile?
    private let memory: Data
    let byteCount: Int

    /// - Throws: ``ONNXImportError`` for a file that cannot be read, is empty or too large.
    init(path: String, maximumBytes: Int) throws(ONNXImportError) {
        let file = try ModelFile(opening: path, followsLink: true)
        guard file.byteCount <= maximumBytes else {
            throw ONNXImportError(.tooLarge, "has \(file.byteCount) bytes, the limit is \(maximumBytes)")
        }
        guard file.byteCount > 0 else { throw ONNXImportError(.malformed, "the file is empty") }
        byteCount = file.byteCount
        memory = Data()
        self.file = file
    }

    init(_ bytes: Data) {
        file = nil
        memory = bytes
        byteCount = bytes.count
    }

    /// Fills `buffer` with the bytes from `offset` on, which must exist.
    func read(into buffer: UnsafeMutableRawBufferPointer, from offset: Int) throws(ONNXImportError) {
        if let file { return try file.read(into: buffer, from: offset) }
        let start = memory.startIndex + offset
        memory.copyBytes(to: buffer, from: start..<start + buffer.count)
    }

    func bytes(at range: Range<Int>) throws(ONNXImportError) -> Data {
        if file == nil { return memory.dropFirst(range.lowerBound).prefix(range.count) }
        var bytes = Data(count: range.count)
        let failure: ONNXImportError? = bytes.withUnsafeMutableBytes { buffer in
            do throws(ONNXImportError) {
                try read(into: buffer, from: range.lowerBound)
                return nil
            } catch { return error }
        }
        if let failure { throw failure }
        return bytes
    }

    /// The tensor whose elements are a range of the content, read directly into the tensor's memory.
    ///
    /// - Throws: ``ONNXImportError`` when the range and the type differ in size.
    func tensor(of type: TensorType, at range: Range<Int>) throws(ONNXImportError) -> Tensor {
        guard range.count == type.byteCount else {
            throw ONNXImportError(.malformed, "\(type) needs \(type.byteCount) bytes, found \(range.count)")
        }
        return try Tensor(type: type) { (bytes) throws(ONNXImportError) in
            try read(into: bytes, from: range.lowerBound)
        }
    }
}
