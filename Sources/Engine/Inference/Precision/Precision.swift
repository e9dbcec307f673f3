package import ModelGraph
import OneDNN

/// What convolutions and matrix products compute with. Sums are float32 or int32 in every case.
package enum Precision: Sendable {
    case float32
    /// Everything that can be, but what leads to the outputs alone.
    case bfloat16
    /// Each product as the table says. Where the processor lacks bfloat16, what would be is float32.
    case mixed(PrecisionTable)

    /// As the table says; ``float32`` for an empty one.
    package init(_ table: PrecisionTable) { self = table.isFloat32 ? .float32 : .mixed(table) }

    /// This precision, or float32 where the processor lacks the instructions.
    package var available: Precision { Self.hasInstructions(for: level) ? self : .float32 }

    /// Whether the processor has fast instructions for the level.
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
