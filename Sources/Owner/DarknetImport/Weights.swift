// SPDX-License-Identifier: Apache-2.0
import Tensors

/// Reads a `.weights` file: a header, then float32 values in the order of the layers.
struct Weights: ~Copyable, ~Escapable {
    private var reader: ByteReader
    private let fileBytes: Int
    private let allocator: StorageAllocator
    /// The last section that read weights.
    private var lastPlace = "the header"
    /// Whether the weights of connected layers are stored as `[inputs, outputs]`.
    let isTransposed: Bool
    /// Whether AlexeyAB's fork wrote the file: it writes version 0.2, revision 5.
    let isOfFork: Bool

    /// The header is three int32 (major, minor, revision) and the number of training images: 64 bits since version 0.2,
    /// 32 bits before. It is also 32 bits if a version number is over 1000, which marks transposed connected layers.
    ///
    /// - Throws: ``DarknetImportError`` with code `weightsMismatch` for a file without a header.
    @_lifetime(copy bytes)
    init(_ bytes: RawSpan, allocator: StorageAllocator) throws(DarknetImportError) {
        reader = ByteReader(bytes)
        fileBytes = bytes.byteCount
        self.allocator = allocator
        do throws(TensorError) {
            let major = Int(try reader.read(Int32.self, "major version"))
            let minor = Int(try reader.read(Int32.self, "minor version"))
            let revision = Int(try reader.read(Int32.self, "revision"))
            guard major >= 0, minor >= 0 else { throw TensorError(.malformed, "version \(major).\(minor)") }
            if major * 10 + minor >= 2, major < 1000, minor < 1000 {
                _ = try reader.read(Int64.self, "pictures seen")
            } else {
                _ = try reader.read(Int32.self, "pictures seen")
            }
            isTransposed = major > 1000 || minor > 1000
            isOfFork = major == 0 && minor == 2 && revision >= 5
        } catch {
            throw DarknetImportError(
                .weightsMismatch,
                "the weights have no header: \(error.message); a file of weights begins with 16 or 20 bytes of it")
        }
    }

    /// The next values, with this shape.
    ///
    /// - Throws: ``DarknetImportError`` naming the section, the bytes expected and the bytes found.
    @_lifetime(self: copy self)
    mutating func read(_ what: String, _ shape: [Int], for section: Section) throws(DarknetImportError) -> Tensor {
        let type: TensorType
        do throws(TensorError) { type = TensorType(.float32, try Shape(shape)) } catch {
            throw section.failure(.invalidNetwork, "\(what): \(error.message)")
        }
        guard type.byteCount <= reader.remaining else {
            throw section.failure(
                .weightsMismatch,
                "the weights are too short: \(what) expected \(type.byteCount) bytes at byte \(reader.offset), "
                    + "found \(reader.remaining); the file belongs to another configuration or was cut off")
        }
        lastPlace = section.place
        let allocator = allocator
        do throws(TensorError) {
            return try reader.withBytes(type.byteCount, "weights") { (bytes) throws(TensorError) in
                try Tensor(type: type, copying: bytes, allocator: allocator)
            }
        } catch { throw section.failure(.weightsMismatch, error.message) }
    }

    /// - Throws: ``DarknetImportError`` when values are left.
    func finish() throws(DarknetImportError) {
        guard reader.remaining == 0 else {
            throw DarknetImportError(
                .weightsMismatch,
                "the weights are too long: expected \(reader.offset) bytes, which end with \(lastPlace), "
                    + "found \(fileBytes); the file belongs to another configuration")
        }
    }
}
