// SPDX-License-Identifier: Apache-2.0
import Glibc
import SecretMemory
import Tensors

/// The most probable classes, best first; of equal ones the lower index first.
struct Ranking: ~Copyable {
    private struct Entry: BitwiseCopyable {
        var index: UInt32
        var score: Float
    }

    private let entries: SecretBytes

    /// - Parameters:
    ///   - scores: One finite float32 per class.
    ///   - count: At most as many as there are scores.
    ///   - appliesSoftmax: Whether the scores are logits; else they are probabilities, which rounding may have put
    ///     beyond 0 or 1.
    init(_ scores: Tensor, count: Int, appliesSoftmax: Bool) {
        entries = SecretBytes(count: count * MemoryLayout<Entry>.stride) { memory in
            let best = memory.bindMemory(to: Entry.self)
            scores.withElements(as: Float.self) { Self.select($0, into: best) }
            guard appliesSoftmax else {
                for position in best.indices { best[position].score = min(max(best[position].score, 0), 1) }
                return
            }
            // Shifted by the maximum, so that no exponential overflows and their sum is at least 1.
            let maximum = Double(best.first?.score ?? 0)
            let sum = scores.withElements(as: Float.self) { scores in
                scores.reduce(0.0) { $0 + exp(Double($1) - maximum) }
            }
            for position in best.indices {
                best[position].score = Float(exp(Double(best[position].score) - maximum) / sum)
            }
        }
    }

    subscript(position: Int) -> (index: Int, probability: Float) {
        entries.withBytes { memory in
            let entry = memory.loadUnaligned(fromByteOffset: position * MemoryLayout<Entry>.stride, as: Entry.self)
            return (Int(entry.index), entry.score)
        }
    }

    /// Insertion into a short sorted list.
    private static func select(_ scores: UnsafeBufferPointer<Float>, into best: UnsafeMutableBufferPointer<Entry>) {
        var filled = 0
        for (index, score) in scores.enumerated() {
            if filled == best.count {
                guard let worst = best.last, score > worst.score else { continue }
            } else {
                filled += 1
            }
            var position = filled - 1
            while position > 0, best[position - 1].score < score {
                best[position] = best[position - 1]
                position -= 1
            }
            best[position] = Entry(index: UInt32(truncatingIfNeeded: index), score: score)
        }
    }
}
