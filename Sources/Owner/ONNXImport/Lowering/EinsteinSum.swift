// SPDX-License-Identifier: Apache-2.0
import ModelGraph
import Tensors

/// An einsum: a sum over products of operands, with a letter for each axis.
struct EinsteinSum {
    let operands: [[Character]]
    let result: [Character]

    /// - Returns: `nil` if the text is no valid equation for this many operands. An ellipsis stands for capital letters
    ///   that the equation does not use.
    init?(_ equation: String, ranks: [Int]) {
        let text = equation.filter { $0 != " " }
        let sides = text.components(separatedByArrow: "->")
        let terms = sides[0].split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        guard sides.count <= 2, terms.count == ranks.count else { return nil }
        let spare = "ABCDEFGHIJKLMNOPQRSTUVWXYZ".filter { !text.contains($0) }
        var ellipsis: [Character] = []
        func letters(_ term: String, rank: Int?) -> [Character]? {
            let parts = term.components(separatedByArrow: "...")
            guard parts.count <= 2, parts.allSatisfy({ $0.allSatisfy(\.isLetter) }) else { return nil }
            guard parts.count == 2 else { return rank == nil || term.count == rank ? Array(term) : nil }
            let count = rank.map { $0 - parts[0].count - parts[1].count } ?? ellipsis.count
            guard count >= 0, count <= spare.count else { return nil }
            let made = Array(spare.prefix(max(count, ellipsis.count)))
            if rank != nil { ellipsis = made }
            return Array(parts[0]) + made.suffix(count) + Array(parts[1])
        }
        var operands: [[Character]] = []
        for (term, rank) in zip(terms, ranks) {
            guard let letters = letters(term, rank: rank) else { return nil }
            operands.append(letters)
        }
        if sides.count == 2 {
            guard let letters = letters(sides[1], rank: nil), Set(letters).count == letters.count else { return nil }
            result = letters
        } else {
            // Letters that occur once, in alphabetical order.
            let counts = Dictionary(operands.joined().map { ($0, 1) }, uniquingKeysWith: +)
            result = ellipsis + counts.filter { $0.value == 1 && !ellipsis.contains($0.key) }.keys.sorted()
        }
        guard Set(result).isSubset(of: operands.joined()) else { return nil }
        self.operands = operands
    }
}

extension String {
    fileprivate func components(separatedByArrow separator: String) -> [String] {
        split(separator: separator, omittingEmptySubsequences: false).map(String.init)
    }
}

extension ImportedNode {
    /// Combines two operands at a time: a matrix product over the letters that are not needed later.
    mutating func einsum() throws(ONNXImportError) -> Lowered {
        guard let equation = try text("equation") else { throw failure(.malformed, "attribute 'equation' is missing") }
        let shapes = try operands.indices.map { (index) throws(ONNXImportError) in try shape(index) }
        guard let sum = EinsteinSum(equation, ranks: shapes.map(\.rank)) else {
            throw failure(.unsupported, "the equation '\(equation.prefix(80))' does not fit \(shapes)")
        }
        var extents: [Character: Int] = [:]
        for (letters, shape) in zip(sum.operands, shapes) {
            try require(
                Set(letters).count == letters.count, .unsupported,
                "the equation '\(equation.prefix(80))' takes a diagonal")
            for (letter, extent) in zip(letters, shape.dimensions) {
                let known = extents[letter] ?? 1
                try require(known == extent || known == 1 || extent == 1, "axis '\(letter)' has \(known) and \(extent)")
                extents[letter] = max(known, extent)
            }
        }
        return try expansion { (steps) throws(ONNXImportError) in
            var current = Term(source: try source(0), letters: sum.operands[0], shape: shapes[0].dimensions)
            for index in sum.operands.indices.dropFirst() {
                let rest = sum.operands[(index + 1)...].reduce(Set(sum.result)) { $0.union($1) }
                let next = Term(
                    source: try source(index), letters: sum.operands[index], shape: shapes[index].dimensions)
                current = try product(&steps, current, next, needed: rest, extents)
            }
            current = summed(&steps, current, keeping: Set(sum.result))
            let order = sum.result.map { letter in current.letters.firstIndex(of: letter) ?? 0 }
            guard order != Array(order.indices) else { return steps.add(.identity(Identity()), current.source) }
            return steps.add(.transpose(Transpose(order)), current.source)
        }
    }

    private struct Term {
        var source: Expansion.Source
        var letters: [Character]
        var shape: [Int]

        func extent(_ letter: Character) -> Int { letters.firstIndex(of: letter).map { shape[$0] } ?? 1 }
    }

    /// The term summed over the letters that are not needed later.
    private func summed(_ steps: inout Expansion, _ term: Term, keeping: Set<Character>) -> Term {
        let axes = term.letters.indices.filter { !keeping.contains(term.letters[$0]) }
        guard !axes.isEmpty else { return term }
        var term = term
        term.source = steps.add(.reduction(Reduction(.sum, axes: axes, keepsDimensions: false)), term.source)
        for axis in axes.reversed() {
            term.letters.remove(at: axis)
            term.shape.remove(at: axis)
        }
        return term
    }

    private func product(
        _ steps: inout Expansion, _ a: Term, _ b: Term, needed: Set<Character>, _ extents: [Character: Int]
    ) throws(ONNXImportError) -> Term {
        let a = summed(&steps, a, keeping: needed.union(b.letters))
        let b = summed(&steps, b, keeping: needed.union(a.letters))
        let common = a.letters.filter(b.letters.contains)
        let batch = common.filter { needed.contains($0) }
        let inner = common.filter { !needed.contains($0) && a.extent($0) == b.extent($0) }
        // A letter that one of the two broadcasts is summed after the product.
        let broadcast = common.filter { !needed.contains($0) && a.extent($0) != b.extent($0) }
        let rows = a.letters.filter { !b.letters.contains($0) }
        let columns = b.letters.filter { !a.letters.contains($0) }
        let shared = batch + broadcast
        func matrix(_ term: Term, _ order: [Character], _ split: Int) throws(ONNXImportError) -> Expansion.Source {
            let permutation = order.map { letter in term.letters.firstIndex(of: letter) ?? 0 }
            var source = term.source
            if permutation != Array(permutation.indices) {
                source = steps.add(.transpose(Transpose(permutation)), source)
            }
            let extents = order.map(term.extent)
            let (first, second) = (extents[shared.count..<split].reduce(1, *), extents[split...].reduce(1, *))
            let target = Array(extents[..<shared.count]) + [first, second]
            guard target != extents else { return source }
            return steps.add(.reshape(Reshape(keepingBatch(target, of: term, order))), source)
        }
        try require(shared.count + 2 <= Shape.maximumRank, .unsupported, "too many letters")
        let left = try matrix(a, shared + rows + inner, shared.count + rows.count)
        let right = try matrix(b, shared + inner + columns, shared.count + inner.count)
        let product = steps.add(.matMul(MatMul()), left, right)
        let letters = shared + rows + columns
        let shape = shared.map { max(a.extent($0), b.extent($0)) } + rows.map(a.extent) + columns.map(b.extent)
        var result = Term(source: product, letters: letters, shape: shape)
        let flat = shape[..<shared.count] + [rows.map(a.extent).reduce(1, *), columns.map(b.extent).reduce(1, *)]
        if Array(flat) != shape {
            try require(shape.count <= Shape.maximumRank, .unsupported, "too many letters")
            result.source = steps.add(.reshape(Reshape(shape)), product)
        }
        return summed(&steps, result, keeping: needed)
    }

    /// If the first extent stays, the reshape copies it, so that the graph accepts other batch sizes, too.
    private func keepingBatch(_ target: [Int], of term: Term, _ order: [Character]) -> [Int] {
        var target = target
        if let first = order.first, target.first == term.extent(first), target[0] > 0 { target[0] = 0 }
        return target
    }
}
