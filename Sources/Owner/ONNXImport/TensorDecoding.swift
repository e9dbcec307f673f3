import ONNXFormat
package import Tensors

#if canImport(FoundationEssentials)
    package import FoundationEssentials
#else
    package import Foundation
#endif

extension ElementType {
    /// The element type of this ONNX code, or `nil` when graphs do not have it.
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

/// Files that hold one tensor: those of ONNX's conformance tests.
package enum ONNXTensorFile {
    /// - Throws: ``ONNXImportError``
    package static func load(path: String) throws(ONNXImportError) -> (name: String, tensor: Tensor) {
        do throws(ONNXImportError) {
            return try decode(try ModelFile.read(path: path, maximumBytes: ONNXModel.maximumFileBytes))
        } catch { throw error.at(path) }
    }

    /// - Throws: ``ONNXImportError``
    package static func decode(_ bytes: Data) throws(ONNXImportError) -> (name: String, tensor: Tensor) {
        let proto: ONNXTensorProto
        do throws(ONNXFormatError) { proto = try ONNXTensorProto(parsing: bytes) } catch {
            throw ONNXImportError(.malformed, "this is not an ONNX tensor: \(error.message)")
        }
        var noFiles = ExternalData(folder: nil)
        guard case .tensor(let tensor) = try proto.constant(externalData: &noFiles) else {
            throw ONNXImportError(
                .unsupported, "a tensor of \(ONNXTensorProto.name(ofDataType: proto.dataType)) is not supported")
        }
        return (proto.name, tensor)
    }
}

extension ONNXTensorProto {
    /// The values, after shape, type and number of bytes were found to agree. Nothing is allocated from `dims` alone.
    ///
    /// - Throws: ``ONNXImportError``
    func constant(externalData: inout ExternalData) throws(ONNXImportError) -> Constant {
        let shape: Shape
        do throws(TensorError) { shape = try Shape(dims.map(Int.init)) } catch {
            throw ONNXImportError(.malformed, error.message)
        }
        if let element = ElementType(onnx: dataType) {
            return .tensor(try tensor(of: TensorType(element, shape), externalData: &externalData))
        }
        switch DataType(rawValue: Int(dataType)) {
        case .float16:
            let bits = try elements(
                of: shape, as: UInt16.self, typed: int32Data.map { UInt16(truncatingIfNeeded: $0) },
                externalData: &externalData)
            return .wide(wide(shape, bits.map { Double(Float16(bitPattern: $0)) }))
        case .double:
            let bits = try elements(
                of: shape, as: UInt64.self, typed: doubleData.map(\.bitPattern),
                externalData: &externalData)
            return .wide(wide(shape, bits.map { Double(bitPattern: $0) }))
        default:
            throw ONNXImportError(
                .unsupported,
                "values of \(Self.name(ofDataType: dataType)) are not supported, only float32, the "
                    + "integers int8, uint8, int32 and int64, bool, and float16 or float64 behind a Cast to float32")
        }
    }

    /// The type of a tensor whose raw data can be taken as it is; `nil` where it has to be converted, or lies elsewhere.
    ///
    /// - Throws: ``ONNXImportError`` for an impossible shape.
    func plainType() throws(ONNXImportError) -> TensorType? {
        guard let element = ElementType(onnx: dataType), element != .boolean, dataLocation != .external else {
            return nil
        }
        do throws(TensorError) { return TensorType(element, try Shape(dims.map(Int.init))) } catch {
            throw ONNXImportError(.malformed, error.message)
        }
    }

    private func wide(_ shape: Shape, _ values: [Double]) -> WideConstant {
        WideConstant(typeName: Self.name(ofDataType: dataType), shape: shape, values: values)
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

    /// Elements of a type that tensors do not have, from whichever field holds them.
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
    /// Lends the bytes; typed throws, which `withUnsafeBytes` lacks.
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
    /// - Throws: ``TensorError`` when their number is not that of the type.
    init<Value: BitwiseCopyable>(_ type: TensorType, _ values: [Value]) throws(TensorError) {
        let bytes: Swift.Result<Tensor, TensorError> = values.withUnsafeBytes { bytes in
            do throws(TensorError) { return .success(try Tensor(type: type, copying: bytes)) } catch {
                return .failure(error)
            }
        }
        self = try bytes.get()
    }

    /// The same booleans as zeros and ones.
    fileprivate func normalizingBooleans() -> Tensor {
        withBytes { source in
            Tensor(type: type) { target in
                for index in source.indices { target[index] = source[index] == 0 ? 0 : 1 }
            }
        }
    }
}
