// SPDX-License-Identifier: Apache-2.0
import Glibc
import ModelGraph

extension Loop {
    /// Element-wise float32 functions that oneDNN lacks; `nil` for functions that it has.
    static func activation(_ activation: Activation, count: Int) -> Loop? {
        let alpha = activation.alpha
        switch activation.function {
        case .erf: return map("erf", count) { erff($0) }
        case .floor: return map("floor", count) { $0.rounded(.down) }
        case .ceil: return map("ceil", count) { $0.rounded(.up) }
        case .round: return map("round", count) { $0.rounded(.toNearestOrEven) }
        case .thresholdedRelu: return map("thresholded relu", count) { $0 > alpha ? $0 : 0 }
        default: return nil
        }
    }

    @inline(__always)
    private static func map(_ name: String, _ count: Int, _ body: @escaping @Sendable (Float) -> Float) -> Loop {
        Loop(name: name) { sources, destination in
            let source = sources[0].assumingMemoryBound(to: Float.self)
            let target = destination.assumingMemoryBound(to: Float.self)
            for index in 0..<count { target[index] = body(source[index]) }
        }
    }
}
