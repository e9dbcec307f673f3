// SPDX-License-Identifier: Apache-2.0
/// An immutable dense tensor in row-major order.
public struct Tensor: Sendable {
    /// Element type and shape.
    public let type: TensorType
    package let storage: TensorStorage
    package let byteOffset: Int

    /// The extents, outermost first.
    public var shape: Shape { type.shape }
    /// The element type.
    public var element: ElementType { type.element }
    /// The size of the elements in bytes.
    public var byteCount: Int { type.byteCount }

    /// A tensor in part of `storage`, which must not be written any more.
    ///
    /// - Throws: ``TensorError`` when the part extends beyond the storage.
    package init(type: TensorType, storage: TensorStorage, byteOffset: Int = 0) throws(TensorError) {
        guard byteOffset >= 0, byteOffset + type.byteCount <= storage.byteCount else {
            throw TensorError(.mismatch, "\(type) at byte \(byteOffset) exceeds a block of \(storage.byteCount) bytes")
        }
        self.type = type
        self.storage = storage
        self.byteOffset = byteOffset
    }

    /// A tensor whose bytes, initially zero, `fill` writes.
    package init<Failure: Error>(
        type: TensorType, allocator: StorageAllocator = .standard,
        filledBy fill: (UnsafeMutableRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        self.type = type
        self.storage = allocator.allocate(byteCount: type.byteCount)
        self.byteOffset = 0
        try fill(UnsafeMutableRawBufferPointer(start: storage.base, count: type.byteCount))
    }

    /// A tensor that copies `bytes` (little-endian elements, row-major).
    ///
    /// - Throws: ``TensorError`` when the number of bytes is not that of the type.
    public init(
        type: TensorType, copying bytes: UnsafeRawBufferPointer, allocator: StorageAllocator = .standard
    ) throws(TensorError) {
        guard bytes.count == type.byteCount else {
            throw TensorError(.mismatch, "\(type) needs \(type.byteCount) bytes, found \(bytes.count)")
        }
        self.init(type: type, allocator: allocator) { $0.copyMemory(from: bytes) }
    }

    /// A float32 tensor.
    ///
    /// - Throws: ``TensorError`` when the number of values is not that of the shape.
    public init(_ values: [Float], shape: [Int]) throws(TensorError) {
        try self.init(values, element: .float32, shape: shape)
    }

    /// A uint8 tensor.
    public init(_ values: [UInt8], shape: [Int]) throws(TensorError) {
        try self.init(values, element: .uint8, shape: shape)
    }

    /// An int64 tensor.
    public init(_ values: [Int64], shape: [Int]) throws(TensorError) {
        try self.init(values, element: .int64, shape: shape)
    }

    private init<Value: BitwiseCopyable>(_ values: [Value], element: ElementType, shape: [Int]) throws(TensorError) {
        let type = TensorType(element, try Shape(shape))
        guard values.count == type.shape.elementCount else {
            throw TensorError(
                .mismatch, "shape \(type.shape) needs \(type.shape.elementCount) values, found \(values.count)")
        }
        self.init(type: type) { target in values.withUnsafeBytes { target.copyMemory(from: $0) } }
    }

    /// Lends the elements' bytes.
    package func withBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(UnsafeRawBufferPointer(start: storage.base + byteOffset, count: byteCount))
    }

    /// Lends the elements. The caller must know their type.
    package func withElements<Value: BitwiseCopyable, Result, Failure: Error>(
        as _: Value.Type, _ body: (UnsafeBufferPointer<Value>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        precondition(MemoryLayout<Value>.size == element.byteCount, "\(Value.self) is not \(element)")
        return try body(
            UnsafeBufferPointer(
                start: (storage.base + byteOffset).assumingMemoryBound(to: Value.self), count: shape.elementCount))
    }

    /// A copy of the values of a float32 tensor.
    ///
    /// - Throws: ``TensorError`` when the element type is another.
    public func floats() throws(TensorError) -> [Float] { try values(as: Float.self, .float32) }

    /// A copy of the values of an int64 tensor.
    public func int64s() throws(TensorError) -> [Int64] { try values(as: Int64.self, .int64) }

    /// A copy of the values of a uint8 tensor.
    public func uint8s() throws(TensorError) -> [UInt8] { try values(as: UInt8.self, .uint8) }

    private func values<Value: BitwiseCopyable>(
        as _: Value.Type, _ expected: ElementType
    ) throws(TensorError) -> [Value] {
        guard element == expected else {
            throw TensorError(.mismatch, "expected a tensor of \(expected), found \(element)")
        }
        return withElements(as: Value.self) { Array($0) }
    }

    /// The same elements with another shape.
    ///
    /// - Throws: ``TensorError`` when the number of elements differs.
    public func reshaped(_ dimensions: [Int]) throws(TensorError) -> Tensor {
        let shape = try Shape(dimensions)
        guard shape.elementCount == self.shape.elementCount else {
            throw TensorError(.mismatch, "\(self.shape) cannot become \(shape): the number of elements differs")
        }
        return try Tensor(type: TensorType(element, shape), storage: storage, byteOffset: byteOffset)
    }
}
