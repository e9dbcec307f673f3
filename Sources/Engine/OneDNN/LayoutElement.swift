// SPDX-License-Identifier: Apache-2.0
internal import COneDNN

/// The element type of a layout.
package enum LayoutElement: Sendable, Hashable {
    case float32
    /// The upper 16 bits of a float32.
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

    /// Whether elements are integers that stand for values by a scale.
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
