// SPDX-License-Identifier: Apache-2.0
import ONNXFormat
package import Tensors

#if canImport(FoundationEssentials)
    package import FoundationEssentials
#else
    package import Foundation
#endif

extension ElementType {
    /// The element type for this ONNX code, or `nil` when graphs do not have it.
    init?(onnx code: Int32) {
        switch ONNXTensorProto.DataType(rawValue: Int(code)) {
        case .float: self = .float32
        case .uint8: self = .uint8
        case .int8: self = .int8
        case .int32: self = .int32
        case .int64: self = .int64
        case .bool: self = .boolean
        default: return nil
        }
    }
}

/// Files with one tensor, as in ONNX's conformance tests.
package enum ONNXTensorFile {
    /// - Throws: ``ONNXImportError``.
    package static func load(path: String) throws(ONNXImportError) -> (name: String, tensor: Tensor) {
        do throws(ONNXImportError) {
            return try decode(try ModelFile.read(path: path, maximumBytes: ONNXModel.maximumFileBytes))
        } catch { throw error.at(path) }
    }

    /// - Throws: ``ONNXImportError``.
    package static func decode(_ bytes: Data) throws(ONNXImportError) -> (name: String, tensor: Tensor) {
        let proto: ONNXTensorProto
        do throws(ONNXFormatError) { proto = try ONNXTensorProto(parsing: bytes) } catch {
            throw ONNXImportError(.malformed, "this is not an ONNX tensor: \(error.message)")
        }
        var noFiles = ExternalData(folder: nil)
        let tensor = try proto.constant(externalData: &noFiles).tensor
        return (proto.name, tensor)
    }
}

extension ONNXTensorProto {
    /// The values, after shape, type and number of bytes were checked. Nothing is allocated from `dims` alone.
    ///
    /// - Throws: ``ONNXImportError``.
    func constant(externalData: inout ExternalData) throws(ONNXImportError) -> Constant {
        let shape: Shape
        do throws(TensorError) { shape = try Shape(dims.map(Int.init)) } catch {
            throw ONNXImportError(.malformed, error.message)
        }
        if let element = ElementType(onnx: dataType) {
            return Constant(try tensor(of: TensorType(element, shape), externalData: &externalData))
        }
        guard let type = DataType(rawValue: Int(dataType)) else { throw unknownType }
        return Constant(try widened(type, shape, &externalData), narrow: type)
    }

    private var unknownType: ONNXImportError {
        ONNXImportError(
            .unsupported,
            "values of \(Self.name(ofDataType: dataType)) are not supported, only bool, integers, and floats of 16 to 64 bits"
        )
    }

    /// The type of a tensor whose raw data needs no conversion; `nil` if it needs conversion or is stored elsewhere.
    ///
    /// - Throws: ``ONNXImportError`` for an invalid shape.
    func plainType() throws(ONNXImportError) -> TensorType? {
        guard let element = ElementType(onnx: dataType), element != .boolean, dataLocation != .external else {
            return nil
        }
        do throws(TensorError) { return TensorType(element, try Shape(dims.map(Int.init))) } catch {
            throw ONNXImportError(.malformed, error.message)
        }
    }

    /// The number of elements that the tensor itself has in the file, if they have four bytes each.
    var storedElements: Int {
        rawData.count / 4 + floatData.count + int32Data.count + int64Data.count + doubleData.count + uint64Data.count
    }

    /// Values of a type that graphs do not have, in a wider type.
    private func widened(
        _ type: DataType, _ shape: Shape, _ externalData: inout ExternalData
    ) throws(ONNXImportError) -> Tensor {
        func words() throws(ONNXImportError) -> [UInt16] {
            try elements(
                of: shape, as: UInt16.self, typed: int32Data.map { UInt16(truncatingIfNeeded: $0) },
                externalData: &externalData)
        }
        func made<Value: BitwiseCopyable>(_ element: ElementType, _ values: [Value]) throws(ONNXImportError) -> Tensor {
            do throws(TensorError) { return try Tensor(TensorType(element, shape), values) } catch {
                throw ONNXImportError(.malformed, error.message)
            }
        }
        switch type {
        case .float16: return try made(.float32, try words().map { Float(Float16(bitPattern: $0)) })
        case .bfloat16: return try made(.float32, try words().map { Float(bitPattern: UInt32($0) << 16) })
        case .uint16: return try made(.int32, try words().map(Int32.init))
        case .int16: return try made(.int32, try words().map { Int32(Int16(bitPattern: $0)) })
        case .double:
            let bits = try elements(
                of: shape, as: UInt64.self, typed: doubleData.map(\.bitPattern), externalData: &externalData)
            return try made(.float32, bits.map { Float(Double(bitPattern: $0)) })
        case .uint32:
            let values = try elements(
                of: shape, as: UInt32.self, typed: uint64Data.map { UInt32(truncatingIfNeeded: $0) },
                externalData: &externalData)
            return try made(.int64, values.map(Int64.init))
        case .uint64:
            let values = try elements(of: shape, as: UInt64.self, typed: uint64Data, externalData: &externalData)
            return try made(.int64, values.map { Int64(clamping: $0) })
        case .int4, .uint4:
            let nibbles = try nibbles(shape, &externalData)
            return type == .uint4
                ? try made(.uint8, nibbles) : try made(.int8, nibbles.map { Int8(bitPattern: $0 << 4) >> 4 })
        default: throw unknownType
        }
    }

    /// Elements of four bits, two per byte, the first in the lower half.
    private func nibbles(_ shape: Shape, _ externalData: inout ExternalData) throws(ONNXImportError) -> [UInt8] {
        let packed: Shape
        do throws(TensorError) { packed = try Shape([(shape.elementCount + 1) / 2]) } catch {
            throw ONNXImportError(.malformed, error.message)
        }
        let bytes = try elements(
            of: packed, as: UInt8.self, typed: int32Data.map { UInt8(truncatingIfNeeded: $0) },
            externalData: &externalData)
        return (0..<shape.elementCount).map { bytes[$0 / 2] >> ($0 % 2 == 0 ? 0 : 4) & 0xF }
    }

    private func tensor(of type: TensorType, externalData: inout ExternalData) throws(ONNXImportError) -> Tensor {
        if dataLocation == .external { return try externalData.tensor(type: type, entries: self.externalData) }
        do throws(TensorError) {
            if hasRawData || type.shape.elementCount == 0 {
                let tensor = try rawData.withTensorBytes { (bytes) throws(TensorError) in
                    try Tensor(type: type, copying: bytes)
                }
                return type.element == .boolean ? tensor.normalizingBooleans() : tensor
            }
            switch type.element {
            case .float32: return try Tensor(type, floatData)
            case .int64: return try Tensor(type, int64Data)
            case .int32: return try Tensor(type, int32Data)
            case .uint8: return try Tensor(type, int32Data.map { UInt8(truncatingIfNeeded: $0) })
            case .int8: return try Tensor(type, int32Data.map { Int8(truncatingIfNeeded: $0) })
            case .boolean: return try Tensor(type, int32Data.map { UInt8($0 == 0 ? 0 : 1) })
            }
        } catch { throw ONNXImportError(.malformed, error.message) }
    }

    /// Elements of a type that tensors do not have, from any of the fields that can hold them.
    private func elements<Element: FixedWidthInteger & BitwiseCopyable>(
        of shape: Shape, as _: Element.Type, typed: [Element], externalData: inout ExternalData
    ) throws(ONNXImportError) -> [Element] {
        let size = MemoryLayout<Element>.size
        let (byteCount, overflow) = shape.elementCount.multipliedReportingOverflow(by: size)
        guard !overflow else { throw ONNXImportError(.tooLarge, "\(shape) elements of \(size) bytes") }
        func read(_ bytes: UnsafeRawBufferPointer) -> [Element] {
            (0..<shape.elementCount).map {
                Element(littleEndian: bytes.loadUnaligned(fromByteOffset: $0 * size, as: Element.self))
            }
        }
        if dataLocation == .external {
            let bytes: Shape
            do throws(TensorError) { bytes = try Shape([byteCount]) } catch {
                throw ONNXImportError(.tooLarge, error.message)
            }
            return try externalData.tensor(type: TensorType(.uint8, bytes), entries: self.externalData)
                .withBytes(read)
        }
        guard (hasRawData ? rawData.count : typed.count * size) == byteCount else {
            throw ONNXImportError(
                .malformed,
                "\(shape) needs \(byteCount) bytes, found \(hasRawData ? rawData.count : typed.count * size)")
        }
        return hasRawData ? rawData.withTensorBytes(read) : typed
    }
}

extension Data {
    /// Lends the bytes, with typed throws, which `withUnsafeBytes` lacks.
    fileprivate func withTensorBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let result: Swift.Result<Result, Failure> = withUnsafeBytes { bytes in
            do throws(Failure) { return .success(try body(bytes)) } catch { return .failure(error) }
        }
        return try result.get()
    }
}

extension Tensor {
    /// A tensor of these values.
    ///
    /// - Throws: ``TensorError`` when their number does not fit the type.
    init<Value: BitwiseCopyable>(_ type: TensorType, _ values: [Value]) throws(TensorError) {
        let bytes: Swift.Result<Tensor, TensorError> = values.withUnsafeBytes { bytes in
            do throws(TensorError) { return .success(try Tensor(type: type, copying: bytes)) } catch {
                return .failure(error)
            }
        }
        self = try bytes.get()
    }

    /// Booleans normalised to 0 and 1.
    fileprivate func normalizingBooleans() -> Tensor {
        withBytes { source in
            Tensor(type: type) { target in
                for index in source.indices { target[index] = source[index] == 0 ? 0 : 1 }
            }
        }
    }
}
