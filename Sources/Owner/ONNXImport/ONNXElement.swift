// SPDX-License-Identifier: Apache-2.0
import ONNXFormat
import Tensors

/// An element type of ONNX, and the graph type that holds its values.
struct ONNXElement {
    let element: ElementType
    /// The ONNX type, if graphs do not have it.
    let narrow: ONNXTensorProto.DataType?

    /// `nil` for strings, complex numbers and unknown types.
    init?(_ code: Int32) {
        if let element = ElementType(onnx: code) {
            (self.element, narrow) = (element, nil)
            return
        }
        let type = ONNXTensorProto.DataType(rawValue: Int(code))
        switch type {
        case .float16, .bfloat16, .double: element = .float32
        case .int16, .uint16: element = .int32
        case .uint32, .uint64: element = .int64
        case .int4: element = .int8
        case .uint4: element = .uint8
        default: return nil
        }
        narrow = type
    }

    init(_ element: ElementType) { (self.element, narrow) = (element, nil) }

    static func name(_ code: Int32) -> String { ONNXTensorProto.name(ofDataType: code) }

    /// Whether arithmetic wraps around at 8 or 16 bits.
    var wraps: Bool {
        switch narrow {
        case .int16, .uint16: true
        case nil: element == .int8 || element == .uint8
        default: false
        }
    }

    /// The range of an integer type of at most 16 bits.
    var range: ClosedRange<Int>? {
        switch narrow {
        case .int16: -32768...32767
        case .uint16: 0...65535
        case .int4: -8...7
        case .uint4: 0...15
        case nil:
            switch element {
            case .uint8: 0...255
            case .int8: -128...127
            case .float32, .int32, .int64, .boolean: nil
            }
        default: nil
        }
    }
}
