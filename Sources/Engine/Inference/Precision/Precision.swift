package import ModelGraph
import OneDNN

/// What convolutions and matrix products compute with. Sums are float32 or int32 in every case.
package enum Precision: Sendable {
    case float32
    /// Everything that can be, but what leads to the outputs alone.
    case bfloat16
    /// Each product as the table says. Where the processor lacks bfloat16 or is slow at it, what would be is float32.
    case mixed(PrecisionTable)

    /// As the table says; ``float32`` for an empty one.
    package init(_ table: PrecisionTable) { self = table.isFloat32 ? .float32 : .mixed(table) }

    /// This precision, or float32 where the processor lacks the instructions or is faster without them.
    func available(for options: PlanOptions) -> Precision {
        guard Self.hasInstructions(for: level) else { return .float32 }
        return level == .bfloat16 && !Self.usesBFloat16(options) ? .float32 : self
    }

    /// Whether what is to be bfloat16 is.
    static func usesBFloat16(_ options: PlanOptions) -> Bool {
        ProcessorSupport.hasFastBFloat16 || options.keepsSlowPrecision && ProcessorSupport.hasBFloat16
    }

    /// Why plans compute in float32 what is to be computed at this level; `nil` where they do not.
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

    /// The furthest from float32.
    package var level: PrecisionTable.Level {
        switch self {
        case .float32: .float32
        case .bfloat16: .bfloat16
        case .mixed(let table): table.level
        }
    }
}
