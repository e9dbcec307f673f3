// SPDX-License-Identifier: Apache-2.0
import Tensors

extension Tensor {
    /// Whether every element is finite. Reads all elements in any case.
    var isFinite: Bool {
        guard element == .float32 else { return true }
        return withElements(as: UInt32.self) { bits in
            var worst: UInt32 = 0
            for value in bits { worst = max(worst, value & 0x7F80_0000) }
            return worst < 0x7F80_0000
        }
    }
}
