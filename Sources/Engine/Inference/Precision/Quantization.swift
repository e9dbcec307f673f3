// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import OneDNN
import Tensors

/// Which values of a draft are 8-bit integers, and their scales.
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

    /// The values that primitives write as integers, by name.
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
                // The operation keeps the integers, so the range stays.
                ranges[node.output] = ranges[node.inputs[0]]
            default: break
            }
        }
        chooseStored(draft, table)
    }

    /// A result is stored as integers if a convolution reads it as integers. Operands of a concatenation take its
    /// format.
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
        // Values that no node writes as integers are converted where they are read.
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

    /// The integer format of a value; `nil` where it is not stored as integers.
    func format(of value: String) -> Format? {
        guard let range = ranges[value] else { return nil }
        let format = stored[value] ?? Format(range)
        return format.scale.isNormal ? format : nil
    }
}
