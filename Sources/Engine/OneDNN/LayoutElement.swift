internal import COneDNN

/// The element type of a layout.
package enum LayoutElement: Sendable, Hashable {
    case float32
    /// The upper half of a float32.
    case bfloat16
    case unsigned8
    case signed8

    package var byteCount: Int {
        switch self {
        case .float32: 4
        case .bfloat16: 2
        case .unsigned8, .signed8: 1
        }
    }

    /// Whether a value is an integer times a scale.
    package var isQuantized: Bool { self == .unsigned8 || self == .signed8 }

    /// The largest integer of the type.
    package var largest: Float { self == .unsigned8 ? 255 : 127 }

    var raw: dnnl_data_type_t {
        switch self {
        case .float32: dnnl_f32
        case .bfloat16: dnnl_bf16
        case .unsigned8: dnnl_u8
        case .signed8: dnnl_s8
        }
    }

    init(_ raw: dnnl_data_type_t) {
        switch raw {
        case dnnl_bf16: self = .bfloat16
        case dnnl_u8: self = .unsigned8
        case dnnl_s8: self = .signed8
        default: self = .float32
        }
    }

    var label: String {
        switch self {
        case .float32: "f32"
        case .bfloat16: "bf16"
        case .unsigned8: "u8"
        case .signed8: "s8"
        }
    }
}

/// Instructions of the processor that decide the choice of code.
package enum ProcessorSupport {
    /// Vector registers of 16 float32.
    package static var hasAVX512: Bool { has(dnnl_cpu_isa_avx512_core) }
    /// Dot products of bfloat16.
    package static var hasBFloat16: Bool { has(dnnl_cpu_isa_avx512_core_bf16) }
    /// Whether products of bfloat16 are faster than those of float32.
    package static var hasFastBFloat16: Bool {
        isFastAtBFloat16(
            hasProducts: hasBFloat16, hasMatrixUnit: has(dnnl_cpu_isa_avx512_core_amx),
            isIntel: conednn_is_intel() != 0)
    }

    /// Intel processors are fast only with their matrix unit (AMX): `Documentation/performance.md`.
    package static func isFastAtBFloat16(hasProducts: Bool, hasMatrixUnit: Bool, isIntel: Bool) -> Bool {
        hasProducts && (hasMatrixUnit || !isIntel)
    }

    /// Dot products of 8-bit integers without saturation of intermediate sums.
    package static var hasInteger8: Bool { has(dnnl_cpu_isa_avx512_core_vnni) || has(dnnl_cpu_isa_avx2_vnni) }

    /// oneDNN's instruction-set levels are bit sets; each includes the levels below it.
    private static func has(_ level: dnnl_cpu_isa_t) -> Bool {
        dnnl_get_effective_cpu_isa().rawValue & level.rawValue == level.rawValue
    }
}
