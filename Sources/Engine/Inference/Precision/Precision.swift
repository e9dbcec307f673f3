// SPDX-License-Identifier: Apache-2.0
package import ModelGraph
import OneDNN

/// Precision of convolutions and matrix products. Sums are float32 or int32 in every case.
package enum Precision: Sendable {
    case float32
    /// Every product that can be, except those that feed only the outputs.
    case bfloat16
    /// Each product as the table says. bfloat16 becomes float32 where the processor lacks its instructions or is slow
    /// with them.
    case mixed(PrecisionTable)

    /// As the table says; ``float32`` for an empty one.
    package init(_ table: PrecisionTable) { self = table.isFloat32 ? .float32 : .mixed(table) }

    /// This precision, or float32 where the processor lacks the instructions or is faster without them.
    func available(for options: PlanOptions) -> Precision {
        guard Self.hasInstructions(for: level) else { return .float32 }
        return level == .bfloat16 && !Self.usesBFloat16(options) ? .float32 : self
    }

    /// Whether products that are to be bfloat16 are computed so.
    static func usesBFloat16(_ options: PlanOptions) -> Bool {
        ProcessorSupport.hasFastBFloat16 || options.keepsSlowPrecision && ProcessorSupport.hasBFloat16
    }

    /// Why plans use float32 for products that are to have this level; `nil` where they do not.
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

    /// The level furthest from float32.
    package var level: PrecisionTable.Level {
        switch self {
        case .float32: .float32
        case .bfloat16: .bfloat16
        case .mixed(let table): table.level
        }
    }
}
