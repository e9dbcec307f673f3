// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import OneDNN

extension Precision {
    /// The levels of the products of a draft.
    func table(for draft: Draft) -> PrecisionTable {
        switch self {
        case .float32: .float32
        case .bfloat16: draft.table(draft.products(.bfloat16))
        case .mixed(let table): table
        }
    }
}

extension Draft {
    /// The lowest precision that each product may use: `level` or a higher one. Convolutions of an input do not use
    /// integers, nor do other products. Products with constant weights that no other product follows stay float32.
    func products(_ level: PrecisionTable.Level) -> [String: PrecisionTable.Level] {
        let given = Set(inputs.map(\.name))
        var levels: [String: PrecisionTable.Level] = [:]
        var multiplied: Set<String> = []
        for node in nodes.reversed() {
            let leadsToProduct = multiplied.contains(node.output)
            switch node.kind {
            case .operation(.convolution):
                let isFirst = node.inputs.first.map(given.contains) ?? false
                levels[node.name] = isFirst ? min(level, .bfloat16) : level
            case .innerProduct where constants[node.inputs[1]] != nil:
                levels[node.name] = leadsToProduct ? min(level, .bfloat16) : .float32
            default: break
            }
            if node.kind.isProduct || leadsToProduct { multiplied.formUnion(node.inputs) }
        }
        return levels
    }

    /// The table of these levels. A result is rounded if a convolution of reduced precision follows, unless a product
    /// that stays float32 reads it first.
    func table(
        _ levels: [String: PrecisionTable.Level], ranges: [String: PrecisionTable.Range] = [:]
    ) -> PrecisionTable {
        var leading: Set<String> = []
        var exact: Set<String> = []
        var products: [String: PrecisionTable.Product] = [:]
        for node in nodes.reversed() {
            let leads = leading.contains(node.output)
            let level = levels[node.name] ?? .float32
            if level > .float32 {
                products[node.name] = PrecisionTable.Product(
                    level, roundsResult: leads && !exact.contains(node.output))
            }
            let isReducedConvolution = level > .float32 && node.kind.isConvolution
            if isReducedConvolution || leads { leading.formUnion(node.inputs) }
            if levels[node.name] == nil {
                if exact.contains(node.output) { exact.formUnion(node.inputs) }
            } else if level == .float32, leads {
                exact.formUnion(node.operands)
            }
        }
        return PrecisionTable(products: products, ranges: ranges)
    }
}

extension Draft.Kind {
    var isConvolution: Bool { if case .operation(.convolution) = self { true } else { false } }

    fileprivate var isProduct: Bool {
        switch self {
        case .innerProduct, .matMul: true
        default: isConvolution
        }
    }
}
