import Foundation
package import Tensors

/// A float32 array in row-major order from a `.npy` file of version 1.
package func loadNumPyArray(_ relative: String) throws -> Tensor {
    struct NotFloats: Error {}
    let bytes = [UInt8](try SharedFiles.bytes(relative))
    guard bytes.count > 10, bytes.starts(with: [0x93] + Array("NUMPY\u{1}".utf8)) else { throw NotFloats() }
    let start = 10 + Int(bytes[8]) + Int(bytes[9]) << 8
    guard start <= bytes.count else { throw NotFloats() }
    let header = String(decoding: bytes[10..<start], as: UTF8.self)
    guard header.contains("'<f4'"), header.contains("'fortran_order': False"),
        let open = header.lastIndex(of: "("), let close = header.lastIndex(of: ")")
    else { throw NotFloats() }
    let shape = header[header.index(after: open)..<close].split(separator: ",")
        .compactMap { Int($0.trimmingCharacters(in: .whitespaces)) }
    return try bytes[start...].withUnsafeBytes {
        try Tensor(type: TensorType(.float32, try Shape(shape)), copying: $0)
    }
}
