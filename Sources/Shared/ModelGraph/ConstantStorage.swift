// SPDX-License-Identifier: Apache-2.0
import Tensors

/// How a file stores the elements of a constant. The elements decide: float32 values that bfloat16 or float16 hold exactly
/// take two bytes each, and reading gives the same bits. So a graph still has one encoding.
enum ConstantStorage: Equatable {
    /// In the tensor's own type.
    case plain
    /// The upper half of each float32; the lower half is zero.
    case bfloat16
    /// Float16, where bfloat16 does not hold every element.
    case float16

    private static let bfloat16Code: UInt8 = 7
    private static let float16Code: UInt8 = 8

    /// The narrowest type that holds every element.
    init(of tensor: Tensor) {
        guard tensor.element == .float32, tensor.shape.elementCount > 0 else {
            self = .plain
            return
        }
        self = tensor.withElements(as: UInt32.self) { elements in
            if elements.allSatisfy({ $0 & 0xFFFF == 0 }) { return .bfloat16 }
            return elements.allSatisfy(Self.fitsFloat16) ? .float16 : .plain
        }
    }

    /// Whether float16 holds the float32 of these bits exactly; not for infinities and NaN.
    private static func fitsFloat16(_ bits: UInt32) -> Bool {
        let magnitude = bits & 0x7FFF_FFFF
        guard magnitude != 0 else { return true }
        let exponent = magnitude >> 23
        guard (103...142).contains(exponent) else { return false }
        // Below 2^-14, float16 has a bit less for each halving.
        let dropped = exponent >= 113 ? 13 : 126 - exponent
        return magnitude & ((1 << dropped) - 1) == 0
    }

    /// The code of the elements' type.
    func code(of element: ElementType) -> UInt8 {
        switch self {
        case .plain: element.rawValue
        case .bfloat16: Self.bfloat16Code
        case .float16: Self.float16Code
        }
    }

    /// - Throws: ``TensorError`` for an unknown code.
    static func decoded(_ code: UInt8) throws(TensorError) -> (storage: ConstantStorage, element: ElementType) {
        switch code {
        case bfloat16Code: return (.bfloat16, .float32)
        case float16Code: return (.float16, .float32)
        default:
            guard let element = ElementType(rawValue: code) else {
                throw TensorError(.malformed, "element type \(code) is unknown")
            }
            return (.plain, element)
        }
    }

    /// The number of stored bytes of a constant of this type.
    func byteCount(of type: TensorType) -> Int { self == .plain ? type.byteCount : type.shape.elementCount * 2 }

    /// Passes the stored bytes to `body` in chunks.
    func visit<Failure: Error>(
        _ tensor: Tensor, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        guard self != .plain else { return try tensor.withBytes(body) }
        try tensor.withElements(as: UInt32.self) { (elements) throws(Failure) in
            for start in stride(from: 0, to: elements.count, by: Self.chunk) {
                let words = elements[start..<min(start + Self.chunk, elements.count)].map { bits in
                    (self == .bfloat16 ? UInt16(bits >> 16) : Float16(Float(bitPattern: bits)).bitPattern).littleEndian
                }
                try words.span.withUnsafeBytes { (bytes) throws(Failure) in try body(bytes) }
            }
        }
    }

    private static let chunk = 1 << 15

    /// Reads the stored bytes of a constant.
    ///
    /// - Throws: ``TensorError`` when bytes are missing, or a narrower type would hold the elements.
    func constant(
        _ type: TensorType, from reader: inout ByteReader, _ allocator: StorageAllocator
    ) throws(TensorError) -> Tensor {
        let stored = byteCount(of: type)
        guard stored <= reader.remaining else {
            throw TensorError(
                .malformed, "constant at byte \(reader.offset) needs \(stored) bytes, \(reader.remaining) are left")
        }
        let storage = allocator.allocate(byteCount: type.byteCount)
        let target = UnsafeMutableRawBufferPointer(rebasing: storage.mutableBytes[..<type.byteCount])
        // Stored elements of half the size are read into the upper half and widened from the front: no element is
        // overwritten before it is read, and there is no second copy.
        try reader.read(
            into: UnsafeMutableRawBufferPointer(rebasing: target[(type.byteCount - stored)...]), "constant")
        if self != .plain { widen(target, type.shape.elementCount) }
        let tensor = try Tensor(type: type, storage: storage)
        guard ConstantStorage(of: tensor) == self else {
            throw TensorError(.malformed, "a constant is not stored in the narrowest type that holds it")
        }
        return tensor
    }

    private func widen(_ target: UnsafeMutableRawBufferPointer, _ count: Int) {
        for index in 0..<count {
            let word = UInt16(
                littleEndian: target.loadUnaligned(fromByteOffset: (count + index) * 2, as: UInt16.self))
            let bits = self == .bfloat16 ? UInt32(word) << 16 : Float(Float16(bitPattern: word)).bitPattern
            target.storeBytes(of: bits, toByteOffset: index * 4, as: UInt32.self)
        }
    }
}
