// SPDX-License-Identifier: Apache-2.0
package import ModelGraph
import OneDNN

/// Precision of convolutions and matrix products. Sums are always float32 or int32.
package enum Precision: Sendable {
    case float32
    /// bfloat16 in convolutions, and in products with constant weights that another product follows.
    case bfloat16
    /// The precision of each product is in the table. Float32 replaces bfloat16 if the processor lacks its instructions
    /// or is slower with them.
    case mixed(PrecisionTable)

    /// The precision of a table: ``float32`` if no product has a lower one.
    package init(_ table: PrecisionTable) { self = table.isFloat32 ? .float32 : .mixed(table) }

    /// This precision, or float32 if the processor lacks the instructions or is slower with them.
    func available(for options: PlanOptions) -> Precision {
        guard Self.hasInstructions(for: level) else { return .float32 }
        return level == .bfloat16 && !Self.usesBFloat16(options) ? .float32 : self
    }

    /// Whether products whose level is bfloat16 are computed in bfloat16.
    static func usesBFloat16(_ options: PlanOptions) -> Bool {
        ProcessorSupport.hasFastBFloat16 || options.keepsSlowPrecision && ProcessorSupport.hasBFloat16
    }

    /// The reason why plans use float32 for products of this level; `nil` if they use the level.
    package static func whyFloat32(insteadOf level: PrecisionTable.Level) -> String? {
        guard hasInstructions(for: level) else { return "this processor has no \(level.label) instructions" }
        return level == .bfloat16 && !ProcessorSupport.hasFastBFloat16
            ? "this processor is faster in f32 than in bf16" : nil
    }

    /// Whether the processor has instructions for the level.
    package static func hasInstructions(for level: PrecisionTable.Level) -> Bool {
        switch level {
        case .float32: true
        case .bfloat16: ProcessorSupport.hasBFloat16
        case .integer8: ProcessorSupport.hasInteger8
        }
    }

    /// The lowest precision of a product.
    package var level: PrecisionTable.Level {
        switch self {
        case .float32: .float32
        case .bfloat16: .bfloat16
        case .mixed(let table): table.level
        }
    }
}
