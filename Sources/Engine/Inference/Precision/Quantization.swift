// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import OneDNN
import Tensors

/// The values of a draft that are 8-bit integers, and their scales, by a precision table.
struct Quantization {
    struct Format: Equatable {
        let element: LayoutElement
        /// The value of one integer step.
        let scale: Float

        /// Unsigned if no value is negative.
        init(_ range: PrecisionTable.Range) {
            element = range.low >= 0 ? .unsigned8 : .signed8
            scale = max(-range.low, range.high) / element.largest
        }
    }

    /// The formats of values that primitives write as integers, by name.
    private(set) var stored: [String: Format] = [:]
    private var ranges: [String: PrecisionTable.Range]
    /// The results of convolutions that compute with integers.
    private(set) var convolutions: Set<String> = []

    init(_ draft: Draft, _ table: PrecisionTable) {
        ranges = table.ranges
        for node in draft.nodes {
            switch node.kind {
            case .operation(.convolution):
                let operands = Array(node.operands)
                guard table.products[node.name]?.level == .integer8,
                    operands.dropFirst().allSatisfy({ draft.constants[$0]?.element == .float32 }),
                    let range = ranges[operands[0]], Format(range).scale.isNormal
                else { continue }
                convolutions.insert(node.output)
            case .operation(.pooling(let pooling)) where pooling.kind == .maximum:
                // The pooling keeps the integers of its operand, and so the operand's range.
                ranges[node.output] = ranges[node.inputs[0]]
            default: break
            }
        }
        chooseStored(draft, table)
    }

    /// Chooses the values to store as integers: those that convolutions of integers read or add. Operands of a
    /// concatenation have its format.
    private mutating func chooseStored(_ draft: Draft, _ table: PrecisionTable) {
        var wanted: Set<String> = []
        for node in draft.nodes.reversed() {
            let isWanted = wanted.contains(node.output)
            switch node.kind {
            case .operation(.convolution):
                guard convolutions.contains(node.output) else { continue }
                wanted.insert(node.inputs[0])
                if node.operands.count < node.inputs.count, let addend = node.inputs.last { wanted.insert(addend) }
                if isWanted { store(node.output) }
            case .scaleShift where isWanted: store(node.output)
            case .operation(.pooling(let pooling)) where isWanted && pooling.kind == .maximum:
                wanted.insert(node.inputs[0])
            case .operation(.concat) where isWanted:
                store(node.output)
                for input in node.inputs where stored[input] == nil {
                    stored[input] = stored[node.output]
                    wanted.insert(input)
                }
            default: break
            }
        }
        // The code of other nodes does not write integers. Steps that read their values as integers convert them.
        let makers = Set(
            draft.nodes.compactMap { node -> String? in
                switch node.kind {
                case .scaleShift, .operation(.concat): node.output
                case .operation(.convolution):
                    convolutions.contains(node.output) && table.products[node.name]?.roundsResult == true
                        ? node.output : nil
                default: nil
                }
            })
        stored = stored.filter { makers.contains($0.key) && !draft.outputs.contains($0.key) }
    }

    private mutating func store(_ value: String) {
        guard stored[value] == nil, let format = format(of: value) else { return }
        stored[value] = format
    }

    /// The integer format of a value, stored as integers or not; `nil` if its range was not measured or needs no normal
    /// scale.
    func format(of value: String) -> Format? {
        guard let range = ranges[value] else { return nil }
        let format = stored[value] ?? Format(range)
        return format.scale.isNormal ? format : nil
    }
}
