import OneDNN

/// What convolutions and matrix products compute with. Sums are float32 or int32 in every case.
package enum Precision: Sendable {
    case float32
    case bfloat16
    /// 8-bit integers where ranges were measured; the first convolution, matrix products and other operations keep
    /// ``bfloat16``, or float32 where the processor lacks it.
    case int8(Calibration)

    /// This precision, or float32 where the processor lacks the instructions.
    package var available: Precision {
        switch self {
        case .float32: .float32
        case .bfloat16: ProcessorSupport.hasBFloat16 ? self : .float32
        case .int8: ProcessorSupport.hasInteger8 ? self : .float32
        }
    }

    /// `f32`, `bf16` or `int8`.
    package var label: String {
        switch self {
        case .float32: "f32"
        case .bfloat16: "bf16"
        case .int8: "int8"
        }
    }

    /// What values that are not quantised are kept in between primitives.
    var floating: LayoutElement {
        switch self {
        case .float32: .float32
        case .bfloat16, .int8: ProcessorSupport.hasBFloat16 ? .bfloat16 : .float32
        }
    }
}
